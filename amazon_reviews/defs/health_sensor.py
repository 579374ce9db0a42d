"""The sensor that judges freshness, lag and lost events, and sends alerts."""

import dagster as dg

from amazon_reviews.alerts.destinations import Alerting
from amazon_reviews.defs.alerts import report_health, send_alerts
from amazon_reviews.defs.redacted_events import redacted_errors
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse


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
    evaluations = report_health(context.instance, event_hub, lakehouse, fresh_hours)
    sent = send_alerts(context.instance, evaluations, alerting, wait_seconds=0)
    return dg.SkipReason("; ".join(sent))
