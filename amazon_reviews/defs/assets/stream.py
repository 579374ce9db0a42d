"""The stream: events of the hub, and the reviews in them."""

import re
from collections.abc import Mapping

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.datasets import accounted
from amazon_reviews.defs.assets.metadata import (
    accounts_check,
    is_behind,
    record_accounted,
    rounded,
    rows_metadata,
    table_metadata,
)
from amazon_reviews.defs.assets.partitioned import StreamScope
from amazon_reviews.defs.assets.spec import table_asset
from amazon_reviews.errors import (
    ConcurrentWriteError,
    EventHubUnavailableError,
    FailedPartitionsError,
    HubChangedError,
    LandingError,
    SkippedEventsError,
)
from amazon_reviews.pipeline.capture import Captured, read_captures
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.reconciliation import reconcile_silver
from amazon_reviews.pipeline.silver import build_silver_stream
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.pipeline.stream_commit import Received
from amazon_reviews.pipeline.stream_gaps import compare_with_captures
from amazon_reviews.pipeline.stream_lag import Lag, lag
from amazon_reviews.resources.event_hub import EventHub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import (
    BRONZE_EVENT_GAPS,
    BRONZE_REVIEW_EVENTS,
    SILVER_STREAMED_REVIEWS,
)

_RANGE = re.compile(r"(\d+)-(\d+)")
EXPECTED_ERRORS = (
    ConcurrentWriteError,
    EventHubUnavailableError,
    HubChangedError,
    LandingError,
    SkippedEventsError,
)
"""The errors of reading events that are no fault of the code."""


class EventRanges(dg.Config):
    """The events to read."""

    ranges: dict[str, str] = Field(
        default={},
        description="sequence numbers first-last by hub partition, such as 0: 120-240; "
        "without ranges, all that the hub holds now, after new files of Event Hubs Capture",
    )
    captures_only: bool = Field(
        default=False, description="read files of Event Hubs Capture, and nothing from the hub"
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
    landing: dg.ResourceParam[LandingZone],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """Read captured events, then the events of the hub, into bronze.

    Capture files that cannot be read fail the run after everything else is read.
    """
    lakehouse.ensure(STREAM.bronze)
    spans = config.spans()
    figures: dict[str, dg.MetadataValue] = {}
    failed: FailedPartitionsError | None = None
    try:
        if spans is None:
            try:
                figures |= _captured(read_captures(landing, lakehouse, event_hub))
            except FailedPartitionsError as error:
                failed = error
        if not event_hub.enabled:
            figures["streaming"] = dg.MetadataValue.text("off: no hub is set")
        elif not config.captures_only:
            figures |= _received(receive(event_hub, lakehouse, spans))
            figures |= lag_metadata(lag(event_hub, lakehouse))
        compare_with_captures(lakehouse, event_hub.name)
    except EXPECTED_ERRORS as error:
        raise dg.Failure(str(error)) from None
    if failed:
        raise dg.Failure("; ".join(failed.reasons.values()))
    return dg.MaterializeResult(metadata=figures | table_metadata(lakehouse, STREAM.bronze))


@table_asset(SILVER_STREAMED_REVIEWS, checks=[accounted(SILVER_STREAMED_REVIEWS)])
def silver_streamed_reviews(
    config: StreamScope,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """Build the silver rows of events that silver does not have yet."""
    figures, check = built_from_events(engine, lakehouse, rebuild=config.rebuild)
    return dg.MaterializeResult(
        metadata=figures | table_metadata(lakehouse, STREAM.silver), check_results=[check]
    )


def built_from_events(
    engine: SparkEngine, lakehouse: Lakehouse, *, rebuild: bool = False
) -> tuple[dict[str, int], dg.AssetCheckResult]:
    """Build silver/streamed_reviews; return its figures and the result of the check `accounted`.

    Events that another run adds meanwhile are built too: they would not be accounted for.
    """
    while True:
        built = build_silver_stream(engine.session, lakehouse, engine.batch_rows, rebuild=rebuild)
        (account,) = reconcile_silver(lakehouse, STREAM, [STREAM.partition])
        if account.balanced or not is_behind(lakehouse, STREAM.silver, STREAM.bronze):
            break
    record_accounted(lakehouse, STREAM.silver, [account], whole=True)
    figures = {
        "records": account.lines,
        "duplicates": account.duplicates,
        "rejected": account.rejected,
        "records_built": built.lines,
        **{f"rejected_{reason}": count for reason, count in sorted(built.rejected.items())},
    }
    return figures, accounts_check([account])


@table_asset(BRONZE_EVENT_GAPS)
def bronze_event_gaps(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Show the gaps; reading the events writes them."""
    lakehouse.ensure(BRONZE_EVENT_GAPS.key)
    inputs = lakehouse.input_versions(BRONZE_EVENT_GAPS.key)
    lakehouse.record(BRONZE_EVENT_GAPS.key, {WHOLE: inputs})
    return dg.MaterializeResult(metadata=table_metadata(lakehouse, BRONZE_EVENT_GAPS.key))


def lag_metadata(behind: Mapping[str, Lag]) -> dict[str, dg.MetadataValue]:
    """Return the lag as figures to plot, and as a table by hub partition."""
    rows = [[name, partition.events, partition.seconds] for name, partition in behind.items()]
    longest = max((partition.seconds for partition in behind.values()), default=0.0)
    return {
        "lag_events": dg.MetadataValue.int(sum(partition.events for partition in behind.values())),
        "lag_seconds": dg.MetadataValue.float(rounded(longest)),
        "lag": rows_metadata(["hub partition", "events", "seconds"], rows),
    }


def _received(received: Received) -> dict[str, dg.MetadataValue]:
    rows = [[name, count] for name, count in sorted(received.events.items())]
    return {
        "events_read": dg.MetadataValue.int(sum(received.events.values())),
        "read": rows_metadata(["hub partition", "events"], rows),
        "gaps": dg.MetadataValue.int(len(received.gaps)),
    }


def _captured(captured: Captured) -> dict[str, dg.MetadataValue]:
    if not captured.files:
        return {}
    rows = [[*key, count] for key, count in sorted(captured.events.items())]
    return {
        "capture_files": dg.MetadataValue.int(captured.files),
        "captured_events": dg.MetadataValue.int(sum(captured.events.values())),
        "captured": rows_metadata(["hub", "hub partition", "events"], rows),
    }
