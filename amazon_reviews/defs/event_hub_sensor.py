"""The sensor that requests runs for new events of the Event Hub."""

import json
import time
from datetime import UTC, datetime

import dagster as dg

from amazon_reviews.defs import requests
from amazon_reviews.defs.partitions import GOLD_REVIEW_PARTITIONS, add_missing
from amazon_reviews.defs.redacted_events import redacted_errors
from amazon_reviews.defs.requests import BY_SENSOR, REASON_TAG, is_being_built
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.stream_offsets import unread_spans
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import GOLD_REVIEWS

_TABLES = (STREAM.bronze, STREAM.silver, GOLD_REVIEWS.key)
STREAM_JOB = dg.define_asset_job(
    requests.STREAM_JOB,
    dg.AssetSelection.assets(*_TABLES),
    description="Takes new events of the hub to bronze, silver and gold.",
)


@dg.sensor(
    job=STREAM_JOB,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reads new events of the hub, and brings them to gold.",
)
@redacted_errors()
def event_hub_sensor(
    context: dg.SensorEvaluationContext,
    event_hub: dg.ResourceParam[EventHub],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.SensorResult:
    """Request one run when enough events wait, or the oldest has waited long enough.

    It compares the positions in the hub with those in bronze, and gives the run the exact sequence
    numbers. The cursor holds the time since which events wait. They wait for every run that builds
    a table of the job, also for one that the planner's sensor or a person started.
    """
    looked_at = datetime.now(UTC)
    spans = unread_spans(lakehouse, event_hub.look())
    waiting = sum(span.last - span.first + 1 for span in spans.values())
    if not waiting:
        return dg.SensorResult(skip_reason="no new events", cursor="{}")
    now = time.time()
    since = json.loads(context.cursor or "{}").get("waiting_since", now)
    waited = now - since
    enough = waiting >= event_hub.batch_events or waited >= event_hub.batch_seconds
    if not enough or is_being_built(context.instance, looked_at, STREAM.partition, *_TABLES):
        return dg.SensorResult(
            skip_reason=f"{waiting} events wait, the first for {waited:.0f} s",
            cursor=json.dumps({"waiting_since": since}),
        )
    add_missing(context.instance, GOLD_REVIEW_PARTITIONS, [STREAM.partition])
    # What is pinned is not built; its events wait in the tables before it.
    free = [
        requests.asset_key(key)
        for key in _TABLES
        if (log := lakehouse.log(key)) is None or log.pinned is None
    ]
    request = dg.RunRequest(
        asset_selection=free if len(free) < len(_TABLES) else None,
        partition_key=STREAM.partition,
        tags=BY_SENSOR | {REASON_TAG: f"{waiting} events wait, the first for {waited:.0f} s"},
        run_config={
            "ops": {
                "bronze__review_events": {
                    "config": {"ranges": {name: f"{s.first}-{s.last}" for name, s in spans.items()}}
                }
            }
        },
    )
    return dg.SensorResult(run_requests=[request], cursor="{}")
