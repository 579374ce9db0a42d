"""The sensor that judges freshness, lag and lost events, and sends alerts."""

import dagster as dg

from amazon_reviews.alerts.destinations import Alerting
from amazon_reviews.defs.alerts import watch_health
from amazon_reviews.defs.redacted_events import redacted_errors
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse

# A tick is stored for days.
_MOST_CHARACTERS = 1_000


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Judges freshness, lag and lost events without a run, and sends alerts of failed "
    "runs and checks if AMAZON_REVIEWS_ALERTS is set.",
)
@redacted_errors()
def health_sensor(
    context: dg.SensorEvaluationContext,
    event_hub: dg.ResourceParam[EventHub],
    lakehouse: dg.ResourceParam[Lakehouse],
    fresh_hours: dg.ResourceParam[int],
    alerting: dg.ResourceParam[Alerting],
) -> dg.SkipReason:
    """Start no run; see `alerts`."""
    text = watch_health(
        context.instance, event_hub, lakehouse, fresh_hours, alerting, wait_seconds=0
    )
    return dg.SkipReason("; ".join(text)[:_MOST_CHARACTERS])
