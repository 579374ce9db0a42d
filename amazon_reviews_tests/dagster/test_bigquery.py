"""The whole project with BigQuery as its warehouse."""

import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from dagster import AssetKey

from amazon_reviews.cli.common.summary import print_summary, summarize
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas import MART_TABLES
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS
from amazon_reviews_tests.bigquery_warehouse.common import URL
from amazon_reviews_tests.bigquery_warehouse.conftest import emulator  # noqa: F401
from amazon_reviews_tests.dagster.project import MARTS, Project


@pytest.fixture
def project(tmp_path, spark, sample, emulator):  # noqa: F811
    shutil.copytree(sample[0], tmp_path / "landing")
    return Project(tmp_path, AMAZON_REVIEWS_WAREHOUSE=URL)


def plain(row, schema):
    """A row without what BigQuery has otherwise: nulls in place of arrays, maps, time zones."""
    found = {}
    for field in schema:
        value = row[field.name]
        if pa.types.is_map(field.type):
            pairs = (pair.values() if isinstance(pair, dict) else pair for pair in value or ())
            value = [tuple(pair) for pair in pairs]
        elif pa.types.is_list(field.type):
            value = value or []
        elif isinstance(value, datetime):
            value = value.astimezone(UTC)
        elif pa.types.is_decimal(field.type) and value is not None:
            value = float(value)
        found[field.name] = value
    return repr(found)


@pytest.mark.long
def test_a_headless_run_ends_in_bigquery(project, truth, capsys):
    outcome = project.run(MARTS)

    assert not outcome.failures
    warehouse = open_warehouse(URL)
    loaded = {
        key.path[1] for key in project.graph.get_all_asset_keys() if key.path[0] == "warehouse"
    }
    there = {noun for noun in loaded if project.lakehouse.exists(f"gold/{noun}")}
    assert there == {"products", "reviews", *(mart.key.split("/")[1] for mart in MART_TABLES)}
    assert set(warehouse.versions()) == {f"gold/{noun}" for noun in there}
    for table in (GOLD_PRODUCTS, GOLD_REVIEWS, *MART_TABLES):
        gold = project.lakehouse.delta(table.key).to_pyarrow_table()
        loaded = warehouse.query(f"SELECT * FROM {warehouse.relation(table.key)}")
        rows = [sorted(plain(r, gold.schema) for r in t.to_pylist()) for t in (gold, loaded)]
        assert rows[0] == rows[1]
        noun = table.key.split("/")[1]
        metadata = project.metadata(f"warehouse/{noun}")[None]
        assert metadata["dagster/row_count"] == gold.num_rows
        assert gold.num_rows == truth["gold"].get(noun, gold.num_rows)
        assert metadata["size_mb"] == pytest.approx(100 * gold.num_rows / 1_000_000, rel=1e-3)
        assert metadata["console"].endswith(f"&d=reviews&t={noun}&page=table")
        assert metadata["already_there"] is False
        assert project.graph.get(AssetKey(["warehouse", noun])).kinds == {"bigquery"}

    print_summary(summarize(project.settings, outcome), project.settings)
    assert "Reviews by stars" in capsys.readouterr().out
    assert project.run(MARTS).nothing_new
