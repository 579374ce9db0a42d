"""Everything that Dagster loads: assets, checks, automation and resources."""

import dagster as dg

from amazon_reviews import config
from amazon_reviews.assets import (
    bronze,
    gold,
    marts,
    recommender,
    sentiment,
    sentiment_answers,
    silver,
    stream,
    title_ratings,
    titles,
    warehouse,
)
from amazon_reviews.assets.report import report_assets
from amazon_reviews.automation.event_hub_sensor import event_hub_sensor
from amazon_reviews.automation.landing_sensor import daily_landing, landing_sensor
from amazon_reviews.automation.upkeep import (
    acknowledge_event_gaps,
    daily_maintenance,
    maintain_tables,
)
from amazon_reviews.checks import drift, quality, streaming
from amazon_reviews.pipeline.subjects import DATASETS
from amazon_reviews.resources.engine import SparkEngine
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse import Lakehouse
from amazon_reviews.resources.landing import LandingZone
from amazon_reviews.resources.published import ModelStoreResource, WarehouseResource

following = dg.AutomationConditionSensorDefinition(
    "following",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Materializes tables below when the tables above them changed.",
)


def definitions(settings: config.Settings) -> dg.Definitions:
    """The whole project on the places and the engine that the settings name."""
    return dg.Definitions(
        assets=[
            *dg.load_assets_from_modules(
                [
                    bronze,
                    silver,
                    stream,
                    gold,
                    marts,
                    titles,
                    title_ratings,
                    sentiment,
                    sentiment_answers,
                    recommender,
                ]
            ),
            warehouse.warehouse_assets(settings.warehouse),
            *report_assets(settings.report),
            *titles.titles_files(settings.titles),
            sentiment.examples_asset(settings.sentiment_examples),
            sentiment_answers.evaluation_assets(settings.star_classifier),
        ],
        asset_checks=dg.load_asset_checks_from_modules([quality, streaming, drift]),
        sensors=[landing_sensor, event_hub_sensor, following],
        jobs=[acknowledge_event_gaps, maintain_tables],
        schedules=[*(daily_landing(subject) for subject in DATASETS), daily_maintenance],
        executor=dg.in_process_executor,
        resources={
            "landing": LandingZone.at(settings.landing),
            "lakehouse": Lakehouse(location=settings.lakehouse),
            "event_hub": EventHub(
                address=dg.EnvVar(config.EVENT_HUB) if settings.event_hub else "",
                consumer_group=settings.consumer_group,
                batch_events=settings.stream_events,
                batch_seconds=settings.stream_seconds,
                lag_seconds=settings.stream_lag_seconds,
            ),
            "warehouse": WarehouseResource(url=settings.warehouse),
            "model_store": ModelStoreResource(
                folder=str(settings.models),
                uri=dg.EnvVar(config.TRACKING_URI) if settings.tracking_uri else "",
            ),
            "engine": SparkEngine(
                engine=dg.EnvVar(config.ENGINE)
                if config.is_remote(settings.engine)
                else settings.engine,
                memory=settings.engine_memory,
                batch_rows=settings.batch_rows,
            ),
        },
    )


defs = definitions(config.load())
