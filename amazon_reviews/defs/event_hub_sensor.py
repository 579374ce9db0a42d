"""The sensor that requests runs for new events of the Event Hub."""

import json
import time

import dagster as dg

from amazon_reviews.defs.partitions import GOLD_REVIEW_PARTITIONS, missing_stream
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.stream_offsets import unread_spans
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse

STREAM_JOB = dg.define_asset_job(
    "stream_reviews",
    dg.AssetSelection.assets(STREAM.bronze, STREAM.silver, "gold/reviews"),
    description="Takes new events of the hub to bronze, silver and gold.",
)
_UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dg.sensor(
    job=STREAM_JOB,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def event_hub_sensor(
    context: dg.SensorEvaluationContext,
    event_hub: dg.ResourceParam[EventHub],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.SensorResult | dg.SkipReason:
    """Request one run when enough events wait, or the oldest has waited long enough.

    It compares the positions in the hub with those in bronze, and gives the run the exact sequence
    numbers. The cursor holds the time since which events wait.
    """
    if not event_hub.enabled:
        return dg.SkipReason("streaming is off: AMAZON_REVIEWS_EVENT_HUB is not set")
    spans = unread_spans(lakehouse, event_hub.look())
    waiting = sum(span.last - span.first + 1 for span in spans.values())
    if not waiting:
        return dg.SensorResult(skip_reason="no new events", cursor="{}")
    now = time.time()
    since = json.loads(context.cursor or "{}").get("waiting_since", now)
    waited = now - since
    enough = waiting >= event_hub.batch_events or waited >= event_hub.batch_seconds
    if not enough or _under_way(context.instance):
        return dg.SensorResult(
            skip_reason=f"{waiting} events wait, the first for {waited:.0f} s",
            cursor=json.dumps({"waiting_since": since}),
        )
    new = missing_stream(context.instance)
    request = dg.RunRequest(
        partition_key=STREAM.partition,
        run_config={
            "ops": {
                "bronze__review_events": {
                    "config": {"ranges": {name: f"{s.first}-{s.last}" for name, s in spans.items()}}
                }
            }
        },
    )
    return dg.SensorResult(
        run_requests=[request],
        dynamic_partitions_requests=[GOLD_REVIEW_PARTITIONS.build_add_request(new)] if new else [],
        cursor="{}",
    )


def _under_way(instance: dg.DagsterInstance) -> bool:
    unfinished = dg.RunsFilter(job_name=STREAM_JOB.name, statuses=list(_UNDER_WAY))
    return instance.get_runs_count(unfinished) > 0
