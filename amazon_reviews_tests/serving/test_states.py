"""Messages of the dashboard for a missing, incomplete, unreadable or reloaded warehouse."""

import os
import re

import pyarrow.compute as pc
import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from amazon_reviews.cli import main
from amazon_reviews.serving.dashboard import SCRIPT
from amazon_reviews_tests.serving import synthetic
from amazon_reviews_tests.serving.scripts import page, prepare_scripts


@pytest.fixture
def dashboard(monkeypatch):
    """Run the dashboard's first page on a warehouse, in this process."""

    def run(url):
        monkeypatch.setenv("AMAZON_REVIEWS_WAREHOUSE", url)
        prepare_scripts()
        return AppTest.from_file(str(SCRIPT), default_timeout=60).run()

    return run


def figures(app):
    return {metric.label: metric.value for metric in app.metric}


def total(app):
    """Return the number of reviews in all categories, as the overview has it."""
    texts = [caption.value for caption in app.caption]
    (found,) = filter(None, (re.search(r"together: ([\d,]+) reviews", text) for text in texts))
    return int(found[1].replace(",", ""))


def messages(app):
    assert not app.exception
    return [message.value for message in app.info]


def test_a_missing_warehouse_names_the_command_to_run(dashboard, tmp_path):
    app = dashboard(f"duckdb:///{tmp_path}/none.duckdb")

    assert messages(app) == [
        "There is no warehouse yet. Run `amazon-reviews run` and reload this page."
    ]


def test_a_missing_mart_is_named_and_the_rest_shown(dashboard, tmp_path):
    tables = synthetic.tables(count=50)
    del tables["gold/totals"]

    app = dashboard(synthetic.write_warehouse(tmp_path, tables))

    assert "Reviews" in figures(app)
    assert any("`gold/totals` is not in the warehouse yet" in text for text in messages(app))


def test_marts_without_rows_show_that_no_data_matches(dashboard, tmp_path):
    tables = {name: table.slice(0, 0) for name, table in synthetic.tables(count=50).items()}

    app = dashboard(synthetic.write_warehouse(tmp_path, tables))

    assert figures(app)["Reviews"] == "0"
    assert "No data matches these filters." in messages(app)


def test_an_unreadable_warehouse_is_one_message_without_details(dashboard, tmp_path):
    broken = tmp_path / "secret-name.duckdb"
    broken.write_bytes(b"no database" * 1_000)

    app = dashboard(f"duckdb:///{broken}")

    assert messages(app) == [
        "The warehouse cannot be read at the moment. The log of this app has the reason."
    ]


def test_a_new_load_shows_without_a_restart(dashboard, tmp_path):
    app = dashboard(synthetic.write_warehouse(tmp_path, synthetic.tables(count=50)))
    assert total(app) == 50

    synthetic.write_warehouse(tmp_path, synthetic.tables(count=60))

    assert total(app.run()) == 60


def test_all_months_stay_chosen_when_later_ones_are_loaded(monkeypatch, tmp_path):
    tables = synthetic.tables(count=80)
    counts = tables["gold/review_counts"]
    earlier = pc.less(pc.fill_null(counts["year"], 0), 2018)
    some = tables | {"gold/review_counts": counts.filter(earlier)}
    monkeypatch.setenv("AMAZON_REVIEWS_WAREHOUSE", synthetic.write_warehouse(tmp_path, some))
    prepare_scripts()
    app = AppTest.from_function(page, default_timeout=60, kwargs={"name": "ratings"}).run()
    assert app.select_slider(key="months").value == ((2012, 1), (2017, 12))
    assert sum(app.dataframe[0].value["reviews"]) < 79

    synthetic.write_warehouse(tmp_path, tables)
    app.run()

    assert app.select_slider(key="months").value == ((2012, 1), (2018, 12))
    # One of them has no date.
    assert sum(app.dataframe[0].value["reviews"]) == 80


def test_rows_are_cached_between_runs(dashboard, tmp_path, monkeypatch):
    app = dashboard(synthetic.write_warehouse(tmp_path, synthetic.tables(count=50)))
    statements = []
    query = synthetic.DuckDBWarehouse.query
    monkeypatch.setattr(
        synthetic.DuckDBWarehouse,
        "query",
        lambda self, sql, *rest: statements.append(sql) or query(self, sql, *rest),
    )

    assert not app.run().exception

    assert [sql for sql in statements if "_loads" not in sql] == []


def test_the_command_serves_on_loopback_without_telemetry(monkeypatch):
    started = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: started.append(arguments))

    result = CliRunner().invoke(main, ["app", "--port", "8600"])

    assert result.exit_code == 0, result.output
    assert {
        "--server.address=127.0.0.1",
        "--server.port=8600",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--server.fileWatcherType=none",
        "--client.showErrorDetails=none",
    } <= set(started[0])


def test_the_command_rejects_an_unknown_kind_of_warehouse():
    result = CliRunner().invoke(
        main, ["app"], env={"AMAZON_REVIEWS_WAREHOUSE": "postgresql://u:secret@host/db"}
    )

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "AMAZON_REVIEWS_WAREHOUSE" in result.stderr
    assert "secret" not in result.stderr


def test_trends_within_chance_are_not_counted_as_findings(dashboard, tmp_path):
    tables = synthetic.tables(count=50)
    trends = tables["gold/brand_trends"]
    tables["gold/brand_trends"] = trends.filter(pc.equal(trends["trend"], "flat"))

    app = dashboard(synthetic.write_warehouse(tmp_path, tables))

    assert not app.exception
    assert any("No brand rises or falls" in text.value for text in app.text)
