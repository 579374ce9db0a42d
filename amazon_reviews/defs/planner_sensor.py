"""The sensor that asks for runs of everything that is built from other outputs."""

from datetime import UTC, datetime

import dagster as dg

from amazon_reviews.defs.adoption import adopt
from amazon_reviews.defs.requests import ask, look
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.state import Places

_KEYS = frozenset(output.key for output in OUTPUTS if not output.arrives)
# Hours of which the data files were looked for, by location of the lakehouse.
_LOOKED: dict[str, str] = {}


@dg.sensor(
    asset_selection=dg.AssetSelection.all(),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for runs of tables, models and reports whose inputs have changed, or that "
    "are missing or damaged.",
)
def planner_sensor(
    context: dg.SensorEvaluationContext, places: dg.ResourceParam[Places]
) -> dg.SensorResult:
    """Compare what the outputs were built from with what is there.

    Folders and versions are looked at in each tick, the data files of all tables once an hour.
    """
    now = datetime.now(UTC)
    location, hour = places.lakehouse.location, f"{now:%Y-%m-%d %H}"
    if location not in _LOOKED:
        adopt(context.instance, places)
    data_files = _LOOKED.get(location) != hour
    observed = look(context.instance, places, _KEYS, data_files=data_files)
    _LOOKED[location] = hour
    asked = ask(context.instance, observed, _KEYS, context.cursor, now)
    return dg.SensorResult(
        run_requests=asked.requests,
        skip_reason=None if asked.requests else asked.summary,
        cursor=asked.cursor,
    )
