#!/bin/sh
# Starts the only code server of a deployment, which also executes the runs.
set -eu
exec dagster api grpc --module-name amazon_reviews.definitions \
  --port "$AMAZON_REVIEWS_CODE_PORT" "$@"
