#!/bin/sh
# The one code server of a deployment. When it is up, what the one before it was running is
# reported as failed, so that the daemon starts it again: Dagster itself would wait for ever.
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
