"""The resources of the assets, as the settings name them: plain objects."""

from typing import TypedDict

from pyspark.sql import SparkSession

from amazon_reviews.alerts.destinations import Alerting
from amazon_reviews.config import Settings
from amazon_reviews.defs.run_history import Retention
from amazon_reviews.pipeline.artifacts import file_paths
from amazon_reviews.pipeline.intake import Intake
from amazon_reviews.pipeline.state import Places
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.resources.warehouse.connect import open_warehouse

# A night without reviews is usual.
_HUB_HOURS = 48


class Resources(TypedDict):
    """The resources by the name of an asset's parameter."""

    landing: LandingZone
    lakehouse: Lakehouse
    event_hub: EventHub
    warehouse: Warehouse
    model_store: ModelStore
    engine: SparkEngine
    places: Places
    intake: Intake
    rejected_percent: int
    fresh_hours: int
    alerting: Alerting
    retention: Retention


def resources(settings: Settings) -> Resources:
    """Return the resources by name; nothing is opened or started before its first use."""
    places = places_of(settings)
    return {
        "landing": places.landing,
        "lakehouse": places.lakehouse,
        "event_hub": places.event_hub,
        "warehouse": places.warehouse,
        "model_store": places.model_store,
        "places": places,
        "intake": places.intake,
        "rejected_percent": settings.rejected_percent,
        "fresh_hours": settings.fresh_hours or (_HUB_HOURS if settings.event_hub else 0),
        "alerting": Alerting.of(settings),
        "retention": retention_of(settings),
        "engine": SparkEngine(
            settings.engine, settings.engine_memory, settings.batch_rows, _spark_session
        ),
    }


def retention_of(settings: Settings) -> Retention:
    """Return how long runs, backfills and ticks are kept."""
    return Retention(
        run_days=settings.keep_run_days, runs=settings.keep_runs, ticks=settings.keep_ticks
    )


def places_of(settings: Settings) -> Places:
    """Return the places of the outputs, and of the rows that arrive."""
    return Places(
        intake=Intake(settings.profiles, settings.max_unpacked_gb * 10**9),
        landing=LandingZone.of(settings),
        lakehouse=Lakehouse(settings.lakehouse, settings.time_travel_days),
        event_hub=EventHub(
            settings.event_hub.get_secret_value(),
            settings.consumer_group,
            batch_events=settings.stream_events,
            batch_seconds=settings.stream_seconds,
            quiet_seconds=settings.stream_quiet_seconds,
            run_seconds=settings.stream_run_seconds,
            run_events=settings.stream_run_events,
            lag_seconds=settings.stream_lag_seconds,
            capture_names=settings.capture_names,
        ),
        warehouse=open_warehouse(settings.warehouse),
        model_store=ModelStore.of(settings),
        files=file_paths(settings.report, settings.titles),
    )


def _spark_session(address: str) -> SparkSession:
    # Here because it takes seconds to import, and only a process that transforms needs it.
    from dagster_pyspark import LazyPySparkResource

    return LazyPySparkResource(spark_config={"spark.remote": address}).spark_session
