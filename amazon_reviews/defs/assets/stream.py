"""The stream: events of the hub, and the reviews in them."""

import re
from collections.abc import Mapping

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.datasets import accounted
from amazon_reviews.defs.assets.metadata import accounts_check, record_accounted, table_metadata
from amazon_reviews.defs.assets.partitioned import StreamScope
from amazon_reviews.defs.assets.spec import table_asset
from amazon_reviews.errors import (
    ConcurrentWriteError,
    EventHubUnavailableError,
    HubChangedError,
    SkippedEventsError,
)
from amazon_reviews.markdown import markdown
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.reconciliation import reconcile_silver
from amazon_reviews.pipeline.silver import build_silver_stream
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.pipeline.stream_commit import Received
from amazon_reviews.pipeline.stream_lag import Lag, lag
from amazon_reviews.resources.event_hub import EventHub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import (
    BRONZE_EVENT_GAPS,
    BRONZE_REVIEW_EVENTS,
    SILVER_STREAMED_REVIEWS,
)

_RANGE = re.compile(r"(\d+)-(\d+)")
_EXPECTED = (EventHubUnavailableError, HubChangedError, SkippedEventsError, ConcurrentWriteError)


class EventRanges(dg.Config):
    """The events to read."""

    ranges: dict[str, str] = Field(
        default={},
        description="sequence numbers first-last by hub partition, such as 0: 120-240; "
        "without ranges, all that the hub holds now",
    )

    def spans(self) -> dict[str, Span] | None:
        """Return the ranges, None to read all.

        Raises:
            Failure: a range is not written as first-last.
        """
        spans = {}
        for partition, text in self.ranges.items():
            match = _RANGE.fullmatch(text.strip())
            if not match:
                raise dg.Failure(f"ranges: {partition}: {text!r} is not first-last, e.g. 120-240")
            spans[partition] = Span(int(match[1]), int(match[2]))
        return spans or None


@table_asset(BRONZE_REVIEW_EVENTS)
def bronze_review_events(
    config: EventRanges,
    event_hub: dg.ResourceParam[EventHub],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """Read the events of the hub into bronze."""
    lakehouse.ensure(STREAM.bronze)
    metadata = table_metadata(lakehouse, STREAM.bronze)
    if not event_hub.enabled:
        return dg.MaterializeResult(metadata=metadata | {"streaming": "off: no hub is set"})
    try:
        received = receive(event_hub, lakehouse, config.spans())
        behind = lag(event_hub, lakehouse)
    except _EXPECTED as error:
        raise dg.Failure(str(error)) from None
    metadata = table_metadata(lakehouse, STREAM.bronze)
    return dg.MaterializeResult(metadata=_received(received) | lag_metadata(behind) | metadata)


@table_asset(SILVER_STREAMED_REVIEWS, checks=[accounted(SILVER_STREAMED_REVIEWS.path)])
def silver_streamed_reviews(
    config: StreamScope,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """Build the silver rows of events that silver does not have yet."""
    built = build_silver_stream(
        engine.session, lakehouse, engine.batch_rows, rebuild=config.rebuild
    )
    (account,) = reconcile_silver(lakehouse, STREAM, [STREAM.partition])
    record_accounted(lakehouse, STREAM.silver, [account], whole=True)
    figures = {
        "records": account.lines,
        "duplicates": account.duplicates,
        "rejected": account.rejected,
        "records_built": built.lines,
        **{f"rejected_{reason}": count for reason, count in sorted(built.rejected.items())},
    }
    return dg.MaterializeResult(
        metadata=figures | table_metadata(lakehouse, STREAM.silver),
        check_results=[accounts_check("accounted", [account])],
    )


@table_asset(BRONZE_EVENT_GAPS)
def bronze_event_gaps(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Show the gaps; reading the events writes them."""
    lakehouse.ensure(BRONZE_EVENT_GAPS.key)
    inputs = lakehouse.input_versions(BRONZE_EVENT_GAPS.key)
    lakehouse.record(BRONZE_EVENT_GAPS.key, {WHOLE: inputs})
    return dg.MaterializeResult(metadata=table_metadata(lakehouse, BRONZE_EVENT_GAPS.key))


def lag_metadata(behind: Mapping[str, Lag]) -> dict[str, dg.MetadataValue]:
    """Return the lag as figures to plot, and as a table by hub partition."""
    rows = [
        [name, partition.events, round(partition.seconds, 1)] for name, partition in behind.items()
    ]
    longest = max((partition.seconds for partition in behind.values()), default=0.0)
    return {
        "lag_events": dg.MetadataValue.int(sum(partition.events for partition in behind.values())),
        "lag_seconds": dg.MetadataValue.float(longest),
        "lag": dg.MetadataValue.md(markdown(["hub partition", "events", "seconds"], rows)),
    }


def _received(received: Received) -> dict[str, dg.MetadataValue]:
    rows = [[name, count] for name, count in sorted(received.events.items())]
    return {
        "events_read": dg.MetadataValue.int(sum(received.events.values())),
        "read": dg.MetadataValue.md(markdown(["hub partition", "events"], rows)),
        "gaps": dg.MetadataValue.int(len(received.gaps)),
    }
