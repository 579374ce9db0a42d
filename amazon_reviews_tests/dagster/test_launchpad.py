"""The configuration that the launchpad offers, and the tags of runs."""

import dagster as dg
import pytest
from pydantic import ValidationError

from amazon_reviews.definitions import defs
from amazon_reviews.defs.landing_sensor import daily_landing, landing_sensor
from amazon_reviews.defs.requests import REASON_TAG, STARTED_BY_TAG
from amazon_reviews.defs.resources import places_of
from amazon_reviews.pipeline.datasets import REVIEWS
from amazon_reviews_tests.dagster.project import QUIET

MAINTAIN = defs.resolve_job_def("maintain_tables")
ASSETS = defs.resolve_implicit_global_asset_job_def()


@pytest.mark.parametrize(
    "config",
    [
        {"time_travel_days": "soon"},
        {"keep_days": 3},
        {"tables": "gold/reviews"},
    ],
)
def test_launchpad_refuses_unknown_options_and_types_of_the_maintenance(config):
    with pytest.raises(dg.DagsterInvalidConfigError, match="tidy_tables"):
        dg.validate_run_config(MAINTAIN, {"ops": {"tidy_tables": {"config": config}}})


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"time_travel_days": 0}, "time_travel_days"),
        ({"tables": ["gold/nothing"]}, "'gold/nothing' is not a table"),
    ],
)
def test_maintenance_refuses_values_out_of_bounds(empty, config, named):
    job = empty.defs.resolve_job_def("maintain_tables")
    with pytest.raises(ValidationError, match=named):
        job.execute_in_process(
            instance=empty.instance, run_config={"ops": {"tidy_tables": {"config": config}}}
        )


def test_maintenance_of_one_table_leaves_the_others(empty):
    for key in ("gold/products", "gold/reviews"):
        empty.lakehouse.ensure(key)
    job = empty.defs.resolve_job_def("maintain_tables")
    config = {"ops": {"tidy_tables": {"config": {"tables": ["gold/products"]}}}}

    result = job.execute_in_process(instance=empty.instance, run_config={**config, **QUIET})

    logs = [entry.user_message for entry in empty.instance.all_logs(result.run_id)]
    assert [text for text in logs if "gold/products:" in text]
    assert not [text for text in logs if "gold/reviews:" in text]


@pytest.mark.parametrize(
    ("step", "config"),
    [
        ("gold__recommender_evaluation", {"splits": "random"}),
        ("gold__recommender_evaluation", {"most_users": "all"}),
        ("model__sentiment", {"balance": "sometimes"}),
        ("bronze__review_events", {"ranges": 3}),
        ("gold__reviews", {"rebuild": "yes, please"}),
        ("gold__products", {"anything": 1}),
    ],
)
def test_launchpad_refuses_bad_configuration_of_assets(step, config):
    with pytest.raises(dg.DagsterInvalidConfigError, match=step):
        dg.validate_run_config(ASSETS, {"ops": {step: {"config": config}}})


def test_no_step_takes_any_configuration():
    """Dagster does so for a function without options, unless it declares that it has none."""
    steps = [node for job in defs.get_repository_def().get_all_jobs() for node in job.nodes]
    kinds = {node.name: node.definition.config_field.config_type.kind for node in steps}

    assert {"tidy_runs", "gold__reviews", "gold__freshness_fresh"} <= kinds.keys()
    assert not [name for name, kind in kinds.items() if kind.value == "ANY"]


def test_every_option_has_a_description():
    options = {
        f"{node.name}.{name}": field.description
        for job in (ASSETS, MAINTAIN)
        for node in job.nodes
        for name, field in getattr(node.definition.config_field.config_type, "fields", {}).items()
    }
    assert {"tidy_tables.time_travel_days", "model__sentiment.balance"} <= options.keys()
    assert not [name for name, description in options.items() if not description]


def test_headless_runs_say_who_started_them_and_why(all_done):
    # Other tests start runs on the same instance.
    (*_, run) = all_done.instance.get_runs()
    assert run.tags["user"] == "headless run"
    assert run.tags[STARTED_BY_TAG] == "command line"
    assert run.tags[REASON_TAG]
    shown = {name: value for name, value in run.tags.items() if not name.startswith(".dagster/")}
    assert all(len(value) <= 60 for value in shown.values()), shown


def test_runs_of_sensors_and_schedules_say_who_started_them_and_why(empty, tmp_path):
    empty.instance = dg.DagsterInstance.local_temp(str(tmp_path))
    empty.add_file("amazon_reviews", "partition_9", {"asin": "B1"})
    (of_sensor,) = empty.tick(landing_sensor).run_requests
    with dg.build_schedule_context(
        instance=empty.instance, resources={"places": places_of(empty.settings)}
    ) as context:
        (of_schedule,) = daily_landing(REVIEWS)(context)

    assert of_sensor.tags[STARTED_BY_TAG] == "sensor"
    assert of_schedule.tags[STARTED_BY_TAG] == "schedule"
    for request in (of_sensor, of_schedule):
        assert "partition_9" in request.tags[REASON_TAG]
