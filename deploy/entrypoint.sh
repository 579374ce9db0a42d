#!/bin/sh
# Put the settings of the Dagster instance together, then become the command.
set -eu
mkdir -p "$DAGSTER_HOME"
settings="$DAGSTER_HOME/dagster.yaml"
if [ -n "${DAGSTER_POSTGRES_URL:-}" ]; then
  cat dagster.yaml deploy/postgres.yaml > "$settings.$$"
else
  cp dagster.yaml "$settings.$$"
fi
mv "$settings.$$" "$settings"
exec "$@"
