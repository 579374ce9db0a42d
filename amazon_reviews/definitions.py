"""Everything that Dagster loads: assets, checks, automation and resources."""

import os

import dagster as dg

from amazon_reviews import config, redaction
from amazon_reviews.defs.assets import (
    datasets,
    gold,
    marts,
    recommender,
    sentiment,
    sentiment_results,
    stream,
    title_ratings,
    titles,
    warehouse,
)
from amazon_reviews.defs.assets.code import with_code
from amazon_reviews.defs.assets.report import report_assets
from amazon_reviews.defs.checks import drift, freshness, landing, streaming, tables
from amazon_reviews.defs.dead_run_sensor import dead_run_sensor
from amazon_reviews.defs.event_hub_sensor import event_hub_sensor
from amazon_reviews.defs.health_sensor import health_sensor
from amazon_reviews.defs.jobs import (
    acknowledge_event_gaps,
    compare_marts,
    daily_maintenance,
    maintain_tables,
)
from amazon_reviews.defs.kept_connections import keep_connections
from amazon_reviews.defs.landing_sensor import daily_landing, landing_sensor
from amazon_reviews.defs.living_runs import living_executor
from amazon_reviews.defs.off_sensor import off_sensor
from amazon_reviews.defs.partition_jobs import build_partitions, remove_partitions
from amazon_reviews.defs.planner_sensor import planner_sensor
from amazon_reviews.defs.redacted_events import redact_events
from amazon_reviews.defs.resources import resources
from amazon_reviews.defs.run_reports import report_runs
from amazon_reviews.memory import return_freed_memory
from amazon_reviews.pipeline.artifacts import file_paths
from amazon_reviews.pipeline.datasets import DATASETS


def definitions(settings: config.Settings) -> dg.Definitions:
    """Return the whole project, on the locations and the engine of the settings."""
    files = file_paths(settings.report, settings.titles)
    project = dg.Definitions(
        assets=with_code(
            [
                *dg.load_assets_from_modules(
                    [
                        datasets,
                        stream,
                        gold,
                        marts,
                        titles,
                        title_ratings,
                        sentiment,
                        sentiment_results,
                        recommender,
                    ]
                ),
                warehouse.warehouse_assets(settings.warehouse),
                *report_assets(files),
                *titles.titles_files(files),
                sentiment.examples_asset(settings.sentiment_examples),
                sentiment_results.evaluation_assets(settings.star_classifier),
            ]
        ),
        asset_checks=dg.load_asset_checks_from_modules(
            [landing, tables, streaming, freshness, drift]
        ),
        sensors=sensors(settings),
        jobs=[
            acknowledge_event_gaps,
            compare_marts,
            build_partitions(lambda: project.resolve_implicit_global_asset_job_def()),
            maintain_tables,
            remove_partitions,
        ],
        schedules=[*(daily_landing(dataset) for dataset in DATASETS), daily_maintenance],
        executor=living_executor,
        resources=resources(settings),
    )
    return project


def sensors(settings: config.Settings) -> list[dg.SensorDefinition]:
    """Return the sensors; those that a setting switches off say so."""
    hub, planner = event_hub_sensor, planner_sensor
    if not settings.event_hub:
        hub = off_sensor(hub, f"{config.EVENT_HUB} is not set")
    if not settings.automation:
        planner = off_sensor(planner, f"{config.AUTOMATION} is false")
    return [landing_sensor, hub, planner, health_sensor, dead_run_sensor]


redaction.install()
redact_events()
keep_connections()
return_freed_memory()
# Tables, models and logs may hold personal data, so a process of Dagster creates them for its user.
os.umask(0o077)
settings = config.load()
"""The settings of `defs`."""
defs = definitions(settings)
report_runs(settings, defs)
