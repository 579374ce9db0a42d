"""The checks of the stream: lag and lost events."""

import dagster as dg

from amazon_reviews.defs.assets.metadata import rows_metadata
from amazon_reviews.defs.assets.stream import lag_metadata
from amazon_reviews.errors import EventHubUnavailableError, HubChangedError
from amazon_reviews.pipeline.stream_gaps import open_gaps
from amazon_reviews.pipeline.stream_lag import lag
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.shown_text import markdown_text

_EVENTS = ["bronze", "review_events"]
_WARN = dg.AssetCheckSeverity.WARN
_OFF = "streaming is off: AMAZON_REVIEWS_EVENT_HUB is not set"


@dg.asset_check(
    asset=_EVENTS,
    description="events wait no longer than AMAZON_REVIEWS_STREAM_LAG_SECONDS",
    config_schema={},
)
def lag_bound(
    event_hub: dg.ResourceParam[EventHub], lakehouse: dg.ResourceParam[Lakehouse]
) -> dg.AssetCheckResult:
    """Compare the lag of every hub partition with the bound."""
    return judge_lag(event_hub, lakehouse)


def judge_lag(event_hub: EventHub, lakehouse: Lakehouse) -> dg.AssetCheckResult:
    """Return the result of `lag_bound`."""
    if not event_hub.enabled:
        return dg.AssetCheckResult(passed=True, description=_OFF)
    try:
        behind = lag(event_hub, lakehouse)
    except (EventHubUnavailableError, HubChangedError) as error:
        return dg.AssetCheckResult(passed=False, description=markdown_text(error), severity=_WARN)
    late = [name for name, partition in behind.items() if partition.seconds > event_hub.lag_seconds]
    return dg.AssetCheckResult(
        passed=not late,
        severity=_WARN,
        description=markdown_text(
            f"hub partitions above {event_hub.lag_seconds} s: {', '.join(late)}"
        )
        if late
        else None,
        metadata=lag_metadata(behind),
    )


@dg.asset_check(
    asset=_EVENTS,
    description="no event was dropped by the hub before it was read, or the loss is acknowledged",
    config_schema={},
)
def no_gaps(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.AssetCheckResult:
    """Report the gaps in the sequence numbers that nobody acknowledged."""
    return judge_gaps(lakehouse)


def judge_gaps(lakehouse: Lakehouse) -> dg.AssetCheckResult:
    """Return the result of `no_gaps`."""
    gaps = open_gaps(lakehouse)
    header = ["hub", "hub_partition", "first", "last", "found_at"]
    lost = sum(gap["last"] - gap["first"] + 1 for gap in gaps)
    return dg.AssetCheckResult(
        check_name="no_gaps",
        passed=not gaps,
        description=f"{lost} events are lost; add their files of Event Hubs Capture, or launch the "
        "job acknowledge_event_gaps to accept it"
        if gaps
        else None,
        metadata={
            "lost_events": lost,
            "gaps": rows_metadata(header, [[gap[name] for name in header] for gap in gaps]),
        },
    )
