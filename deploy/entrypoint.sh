#!/bin/sh
# Put the settings of the Dagster instance together, then become the command.
set -eu
mkdir -p "$DAGSTER_HOME"
settings=$(mktemp "$DAGSTER_HOME/.dagster.yaml.XXXXXX")
cat dagster.yaml > "$settings"
[ -z "${DAGSTER_POSTGRES_URL:-}" ] || cat deploy/postgres.yaml >> "$settings"
chmod 644 "$settings"
mv "$settings" "$DAGSTER_HOME/dagster.yaml"
exec "$@"
