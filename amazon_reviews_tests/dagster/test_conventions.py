"""Conventions of Dagster that hold for all definitions."""

import re
from pathlib import Path

import dagster as dg
import pytest

from amazon_reviews.config import Settings
from amazon_reviews.definitions import defs
from amazon_reviews.defs.assets.metadata import stored_model_metadata
from amazon_reviews.resources.stored_model import StoredModel
from amazon_reviews.schemas import TABLES

GRAPH = defs.resolve_asset_graph()
NODES = {key.to_user_string(): GRAPH.get(key) for key in GRAPH.get_all_asset_keys()}
REPOSITORY = defs.get_repository_def()
# Statuses of Dagster, and settings.
NOT_CONSTANTS = {"SUCCESS", "FAILURE"} | {
    str(field.validation_alias or f"{Settings.model_config['env_prefix']}{name}").upper()
    for name, field in Settings.model_fields.items()
}
CONSTANT = re.compile(r"`([A-Z][A-Z0-9_]+)`|\b([A-Z]+_[A-Z_]+|[A-Z]{6,})\b")


def descriptions():
    """Yield each description that the UI shows, with the name of what it describes."""
    yield from descriptions_of_assets()
    for job in REPOSITORY.get_all_jobs():
        if not job.name.startswith("__"):
            yield f"job {job.name}", job.description
    for schedule in REPOSITORY.schedule_defs:
        yield f"schedule {schedule.name}", schedule.description
    for sensor in REPOSITORY.sensor_defs:
        yield f"sensor {sensor.name}", sensor.description


def descriptions_of_assets():
    for key, node in NODES.items():
        yield key, node.description
        if key in TABLES:
            for column in node.metadata["dagster/column_schema"].columns:
                yield f"{key}.{column.name}", column.description
    for asset in GRAPH.assets_defs:
        for check in asset.check_specs:
            yield f"{check.asset_key.to_user_string()} {check.name}", check.description
        if asset.keys:
            yield f"step {asset.op.name}", asset.op.description


def test_everything_has_a_description():
    described = dict(descriptions())

    assert len(described) > 1_000
    assert not [name for name, text in described.items() if not text]


def test_no_description_names_a_constant_of_the_code():
    named = {
        name: {*constants} - NOT_CONSTANTS
        for name, text in descriptions()
        if (constants := {a or b for a, b in CONSTANT.findall(text)}) - NOT_CONSTANTS
    }
    assert not named


def test_every_asset_has_its_layer_and_domain_as_tags():
    for key, node in NODES.items():
        assert node.tags["layer"] == key.split("/")[0]
        assert node.tags["domain"] in {table.domain for table in TABLES.values()}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("tag:layer=silver and tag:domain=products", "silver/review_products"),
        ("tag:layer=gold and tag:domain=pipeline", "gold/pipeline_runs"),
        ("tag:layer=model and tag:domain=sentiment", "model/sentiment"),
        ("tag:layer=report and tag:domain=titles", "report/titles"),
        ("tag:layer=warehouse and tag:domain=reviews and tag:pii=true", "warehouse/reviews"),
    ],
)
def test_tags_select_assets(selection, expected):
    selected = dg.AssetSelection.from_string(selection).resolve(GRAPH)

    assert dg.AssetKey(expected.split("/")) in selected


def test_every_asset_links_to_the_function_that_builds_it():
    for key, node in NODES.items():
        for reference in node.metadata["dagster/code_references"].code_references:
            lines = Path(reference.file_path).read_text("utf-8").splitlines()
            name = reference.label.split()[0]
            # A decorated function begins with its decorators.
            function = "\n".join(lines[reference.line_number - 1 :]).partition("\n)\n")
            assert any(f"def {name}(" in part for part in function), (key, reference)
            assert reference.label.endswith(Path(reference.file_path).name)


def test_a_mart_links_to_its_transform():
    references = NODES["gold/brand_trends"].metadata["dagster/code_references"].code_references

    assert [reference.label for reference in references] == [
        "brand_trends in transforms/marts/over_time.py",
        "review_marts in defs/assets/marts.py",
    ]


def test_a_model_links_to_its_run_on_a_server_of_mlflow(tmp_path):
    page = "https://host/#/experiments/1/runs/2"
    file = tmp_path / "model"
    file.write_bytes(b"model")

    with_server = stored_model_metadata(StoredModel("m", 1, file, run_id="2", url=page))
    without = stored_model_metadata(StoredModel("m", 1, file, run_id="2"))

    assert with_server["mlflow_run"] == dg.MetadataValue.url(page)
    assert with_server == {**without, "mlflow_run": dg.MetadataValue.url(page)}
