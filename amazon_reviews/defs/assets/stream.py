"""The stream: events of the hub as they came, and the reviews in them."""

import re
from collections.abc import Mapping

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.common import StreamScope, asset_options
from amazon_reviews.defs.assets.metadata import accounts_check, table_metadata
from amazon_reviews.defs.assets.silver import accounted
from amazon_reviews.defs.automation_conditions import FOLLOW_TABLES
from amazon_reviews.errors import (
    ConcurrentWriteError,
    EventHubUnavailableError,
    HubChangedError,
    SkippedEventsError,
)
from amazon_reviews.markdown import markdown
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.reconciliation import silver_accounts
from amazon_reviews.pipeline.silver import build_silver_stream
from amazon_reviews.pipeline.stream import Lag, Received, lag, receive
from amazon_reviews.resources.event_hub import EventHub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas.layers import BRONZE_EVENT_GAPS

_RANGE = re.compile(r"(\d+)-(\d+)")
_EXPECTED = (EventHubUnavailableError, HubChangedError, SkippedEventsError, ConcurrentWriteError)


class EventRanges(dg.Config):
    """Which events to read."""

    ranges: dict[str, str] = Field(
        default={},
        description="sequence numbers first-last by hub partition, such as 0: 120-240; "
        "without any, all that the hub holds now",
    )

    def spans(self) -> dict[str, Span] | None:
        """The ranges, None where all is to be read.

        Raises:
            Failure: a range is not written as first-last.
        """
        found = {}
        for partition, text in self.ranges.items():
            match = _RANGE.fullmatch(text.strip())
            if not match:
                raise dg.Failure(f"ranges: {partition}: {text!r} is not first-last, e.g. 120-240")
            found[partition] = Span(int(match[1]), int(match[2]))
        return found or None


@dg.asset(**asset_options("bronze/review_events", "1", partitioned=False))
def bronze_review_events(
    config: EventRanges,
    event_hub: dg.ResourceParam[EventHub],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per event of the hub, or per record of an event that is a batch, unchanged.

    Streaming is off while AMAZON_REVIEWS_EVENT_HUB is not set; the table then stays as it is.
    """
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


@dg.asset(
    **asset_options("silver/streamed_reviews", "2", partitioned=False),
    deps=[["bronze", "review_events"]],
    check_specs=[accounted(["silver", "streamed_reviews"])],
    automation_condition=FOLLOW_TABLES,
)
def silver_streamed_reviews(
    config: StreamScope,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per distinct review of the stream, typed and cleaned like those of files.

    Made from the events that silver does not have yet, so it is the same whatever was killed
    before; `rebuild` makes it from all. Events that are no reviews go to silver/rejected with
    their reason, repeated ones to silver/duplicates.
    """
    made = build_silver_stream(engine.session, lakehouse, engine.batch_rows, rebuild=config.rebuild)
    (account,) = silver_accounts(lakehouse, STREAM, [STREAM.partition])
    figures = {
        "records": account.lines,
        "duplicates": account.duplicates,
        "rejected": account.rejected,
        "records_refined": made.lines,
        **{f"rejected_{reason}": count for reason, count in sorted(made.rejected.items())},
    }
    return dg.MaterializeResult(
        metadata=figures | table_metadata(lakehouse, STREAM.silver),
        check_results=[accounts_check("accounted", [account])],
    )


@dg.asset(
    **asset_options("bronze/event_gaps", "1", partitioned=False),
    deps=[["bronze", "review_events"]],
    automation_condition=FOLLOW_TABLES,
)
def bronze_event_gaps(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """One row per range of events that the hub dropped before they were read.

    The rows are written with the events that follow a gap. The job `acknowledge_event_gaps`
    accepts the loss.
    """
    lakehouse.ensure(BRONZE_EVENT_GAPS.key)
    return dg.MaterializeResult(metadata=table_metadata(lakehouse, BRONZE_EVENT_GAPS.key))


def lag_metadata(behind: Mapping[str, Lag]) -> dict[str, dg.MetadataValue]:
    """The lag as figures to plot, and by hub partition as a table."""
    rows = [[name, found.events, round(found.seconds, 1)] for name, found in behind.items()]
    longest = max((found.seconds for found in behind.values()), default=0.0)
    return {
        "lag_events": dg.MetadataValue.int(sum(found.events for found in behind.values())),
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
