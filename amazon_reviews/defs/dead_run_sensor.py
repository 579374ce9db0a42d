"""The sensor that reports runs of dead processes, so that Dagster retries them."""

import dagster as dg

from amazon_reviews.defs.living_runs import report_dead_runs
from amazon_reviews.defs.redacted_events import redacted_errors


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs whose process was killed or died as failed. Dagster retries them, and "
    "their pools are free. It starts no run of its own.",
)
@redacted_errors()
def dead_run_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Look at the runs under way, whichever way the code server was started."""
    dead = report_dead_runs(context.instance)
    for run in dead:
        context.log.warning(f"run {run} is marked as failed: its process is gone")
    return dg.SkipReason(
        f"runs that had lost their process: {len(dead)}" if dead else "all runs live"
    )
