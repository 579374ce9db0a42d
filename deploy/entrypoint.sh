#!/bin/sh
# Writes the settings of the Dagster instance, then runs the command in place of this shell.
set -eu
# What the processes create may hold personal data.
umask 077
mkdir -p "$DAGSTER_HOME"
settings=$(mktemp "$DAGSTER_HOME/.dagster.yaml.XXXXXX")
cat dagster.yaml > "$settings"
[ -z "${DAGSTER_POSTGRES_URL:-}" ] || cat deploy/postgres.yaml >> "$settings"
mv "$settings" "$DAGSTER_HOME/dagster.yaml"
exec "$@"
