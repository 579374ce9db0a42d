"""The sensor that asks for runs of everything that is built from other outputs."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from amazon_reviews.defs.adoption import adopt
from amazon_reviews.defs.long_cursor import expanded, folded
from amazon_reviews.defs.redacted_events import redacted_errors
from amazon_reviews.defs.requests import add_partitions, ask, is_busy, look, split_cursor
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.state import Places
from amazon_reviews.pipeline.upgrade import add_missing_columns

_KEYS = frozenset(output.key for output in OUTPUTS if not output.arrives)


@dg.sensor(
    asset_selection=dg.AssetSelection.all(),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for runs of tables, models and reports whose inputs have changed, or that "
    "are missing or damaged.",
)
@redacted_errors()
def planner_sensor(
    context: dg.SensorEvaluationContext, places: dg.ResourceParam[Places]
) -> dg.SensorResult:
    """Compare what the outputs were built from with what is there.

    Folders and versions are looked at in each tick, the data files of all tables once an hour: the
    cursor begins with the hour of the last look.
    """
    now = datetime.now(UTC)
    hour, last, cursor = split_cursor(expanded(context), now)
    if last != hour:
        adopt(context.instance, places)
        add_missing_columns(places.lakehouse, places.warehouse)
    observed = look(context.instance, places, _KEYS, data_files=last != hour)
    if last != hour:
        add_partitions(context.instance, observed.state, streams=places.event_hub.enabled)
    if observed.damaged_logs and is_busy(context.instance):
        # They are removed when no run is under way, and some are only seen in such a look.
        hour = last
    asked = ask(context.instance, observed, _KEYS, cursor, now)
    return replace(asked, cursor=folded(context, f"{hour} {asked.cursor}")).result(context)
