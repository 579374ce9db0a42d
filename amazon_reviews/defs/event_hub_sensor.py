"""The sensor that starts the stream run when there are new events of the Event Hub."""

from datetime import UTC, datetime

import dagster as dg

from amazon_reviews.defs.redacted_events import redacted_errors
from amazon_reviews.defs.requests import BY_SENSOR, REASON_TAG, is_being_built, is_streaming
from amazon_reviews.defs.stream_run import stream_job
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.stream_offsets import unread_spans
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import GOLD_REVIEWS

_TABLES = (STREAM.bronze, STREAM.silver, GOLD_REVIEWS.key)


@dg.sensor(
    job=stream_job,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a stream run when the hub has new events.",
)
@redacted_errors()
def event_hub_sensor(
    context: dg.SensorEvaluationContext,
    event_hub: dg.ResourceParam[EventHub],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.SensorResult:
    """Request a stream run when events wait, and neither it nor another run reads them.

    It compares the positions in the hub with those in bronze.
    """
    looked_at = datetime.now(UTC)
    if is_streaming(context.instance, looked_at):
        return dg.SensorResult(skip_reason="a stream run takes the events")
    spans = unread_spans(lakehouse, event_hub.look())
    waiting = sum(span.last - span.first + 1 for span in spans.values())
    if not waiting:
        return dg.SensorResult(skip_reason="no new events")
    if is_being_built(context.instance, looked_at, STREAM.partition, *_TABLES):
        return dg.SensorResult(skip_reason=f"{waiting} events wait for a run of their tables")
    tags = BY_SENSOR | {REASON_TAG: f"{waiting} events wait"}
    return dg.SensorResult(run_requests=[dg.RunRequest(tags=tags)])
