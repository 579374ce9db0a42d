"""The sensor and the schedules that read new and changed landing partitions into bronze."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from amazon_reviews.defs.long_cursor import expanded, folded
from amazon_reviews.defs.redacted_events import redacted_errors
from amazon_reviews.defs.requests import BY_SCHEDULE, ask, asset_key, is_busy, look, split_cursor
from amazon_reviews.pipeline.datasets import DATASETS, STREAM, Dataset
from amazon_reviews.pipeline.state import Places
from amazon_reviews.resources.landing.zone import CAPTURE_FOLDER

_BRONZE = [dataset.bronze for dataset in DATASETS]


@dg.sensor(
    asset_selection=dg.AssetSelection.assets(*map(asset_key, [*_BRONZE, STREAM.bronze])),
    minimum_interval_seconds=30,
    description="Reads new and changed folders of the landing zone, and files of Event Hubs "
    "Capture.",
)
@redacted_errors()
def landing_sensor(
    context: dg.SensorEvaluationContext, places: dg.ResourceParam[Places]
) -> dg.SensorResult:
    """Ask for runs for partitions that are new, or changed since bronze read them.

    Once an hour it also looks for partitions that lack a data file.
    """
    now = datetime.now(UTC)
    hour, last, cursor = split_cursor(expanded(context), now)
    arrivals = [*_BRONZE, CAPTURE_FOLDER]
    observed = look(context.instance, places, arrivals, data_files=last != hour, arrivals=arrivals)
    if observed.damaged_logs and is_busy(context.instance):
        hour = last
    # Events of the hub have a sensor of their own.
    selected = {*arrivals, *observed.state.arrived}
    asked = ask(context.instance, observed, selected, cursor, now)
    return replace(asked, cursor=folded(context, f"{hour} {asked.cursor}")).result(context)


def daily_landing(dataset: Dataset) -> dg.ScheduleDefinition:
    """Return the schedule that reads one dataset once a day at 03:00 UTC; off by default."""

    @dg.schedule(
        name=f"daily_{dataset.name}",
        cron_schedule="0 3 * * *",
        target=dg.AssetSelection.assets(asset_key(dataset.bronze)),
        execution_timezone="UTC",
        description=f"Reads new and changed folders of {dataset.folder} once a day.",
    )
    @redacted_errors()
    def schedule(
        context: dg.ScheduleEvaluationContext, places: dg.ResourceParam[Places]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        keys = [dataset.bronze]
        observed = look(context.instance, places, keys, data_files=True, arrivals=keys)
        asked = ask(context.instance, observed, keys, None, datetime.now(UTC))
        runs = [
            request.with_replaced_attrs(tags={**request.tags, **BY_SCHEDULE})
            for request in asked.requests
        ]
        return runs or dg.SkipReason(asked.summary)

    return schedule
