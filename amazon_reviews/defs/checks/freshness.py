"""The check that new reviews or events still arrive, where they are expected."""

from datetime import UTC, datetime

import dagster as dg

from amazon_reviews.pipeline.freshness import freshness
from amazon_reviews.resources.lakehouse.tables import Lakehouse

_NOT_APPLICABLE = (
    "not applicable: nothing new is expected, as neither AMAZON_REVIEWS_EVENT_HUB nor "
    "AMAZON_REVIEWS_FRESH_HOURS is set"
)


@dg.asset_check(
    asset=["gold", "freshness"],
    description="the newest review or event is no older than AMAZON_REVIEWS_FRESH_HOURS; "
    "finished data is not judged",
    config_schema={},
)
def fresh(
    lakehouse: dg.ResourceParam[Lakehouse], fresh_hours: dg.ResourceParam[int]
) -> dg.AssetCheckResult:
    """Compare the age of the newest review or event, by its own time, with the limit."""
    return judge_freshness(lakehouse, fresh_hours)


def judge_freshness(lakehouse: Lakehouse, fresh_hours: int) -> dg.AssetCheckResult:
    """Return the result of the check; 0 hours mean that nothing new is expected."""
    if not fresh_hours:
        return dg.AssetCheckResult(passed=True, description=_NOT_APPLICABLE)
    found = freshness(lakehouse, fresh_hours, datetime.now(UTC))
    metadata: dict[str, dg.MetadataValue] = {"limit_hours": dg.MetadataValue.int(fresh_hours)}
    if found.age is not None and found.newest is not None:
        metadata["newest_event"] = dg.MetadataValue.timestamp(found.newest)
        metadata["age_hours"] = dg.MetadataValue.float(round(found.age.total_seconds() / 3600, 1))
        verdict = "within" if found.is_fresh else "older than"
        description = f"the newest review or event is {verdict} the limit of {fresh_hours} hours"
    elif found.future:
        description = (
            f"the newest review is dated {found.future:%Y-%m-%d}, which is in the future; "
            "correct its date, or set AMAZON_REVIEWS_FRESH_HOURS to nothing"
        )
    else:
        description = "no dated review and no event yet"
    return dg.AssetCheckResult(
        passed=found.is_fresh,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata,
    )
