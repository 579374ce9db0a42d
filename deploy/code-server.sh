#!/bin/sh
# Starts the only code server of a deployment. As soon as it is up, the runs of its predecessor are
# reported as failed, so that the daemon retries them. Dagster itself would wait for them forever.
set -eu
started=$(date +%s.%N)
(
  until dagster api grpc-health-check --port "$AMAZON_REVIEWS_CODE_PORT" >/dev/null 2>&1; do
    sleep 1
  done
  amazon-reviews orphaned-runs --before "$started"
) &
exec dagster api grpc --module-name amazon_reviews.definitions \
  --port "$AMAZON_REVIEWS_CODE_PORT" "$@"
