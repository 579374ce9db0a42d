"""Every setting: its default, what it takes, and an error that names the variable."""

from pathlib import Path

import pytest

from amazon_reviews import config
from amazon_reviews.config import BigQueryAddress, load
from amazon_reviews.errors import SettingsError

ROOT = Path(__file__).parents[1]
HUB = "Endpoint=sb://n.net/;SharedAccessKeyName=reader;SharedAccessKey=c2VjcmV0;EntityPath=h"


def test_defaults_lie_under_the_project_and_need_no_account():
    settings = load({})

    assert settings == config.Settings(
        landing=str(ROOT / "data/landing"),
        lakehouse=str(ROOT / "data/lakehouse"),
        warehouse=f"duckdb:///{ROOT}/data/warehouse.duckdb",
        engine="sail",
        engine_memory=1 << 30,
        batch_rows=500_000,
        dagster_home=ROOT / "data/dagster",
        report=ROOT / "data/report.html",
        models=ROOT / "data/models",
        tracking_uri=None,
        sentiment_examples=2_000_000,
        star_classifier=None,
        event_hub=None,
        consumer_group="$Default",
        stream_events=1_000,
        stream_seconds=10,
        stream_lag_seconds=900,
    )


def test_without_a_checkout_the_working_directory_is_the_root(tmp_path, monkeypatch):
    monkeypatch.setattr(
        config, "__file__", str(tmp_path / "site-packages/amazon_reviews/config.py")
    )
    monkeypatch.chdir(tmp_path)

    assert load({}).landing == str(tmp_path / "data/landing")


def test_the_environment_is_read_when_none_is_given(monkeypatch):
    monkeypatch.setenv("AMAZON_REVIEWS_LANDING", "/from/environment")

    assert load().landing == "/from/environment"


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("AMAZON_REVIEWS_LANDING", "/some/folder", "landing", "/some/folder"),
        ("AMAZON_REVIEWS_LANDING", "/some folder/50%/é", "landing", "/some folder/50%/é"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "/some/folder", "lakehouse", "/some/folder"),
        ("AMAZON_REVIEWS_WAREHOUSE", "duckdb:////d.duckdb", "warehouse", "duckdb:////d.duckdb"),
        ("AMAZON_REVIEWS_WAREHOUSE", "bigquery://project/data_1", "warehouse", None),
        ("AMAZON_REVIEWS_WAREHOUSE", "bigquery://a.com:project/d?location=EU", "warehouse", None),
        ("AMAZON_REVIEWS_ENGINE", "sail", "engine", "sail"),
        ("AMAZON_REVIEWS_ENGINE", "spark", "engine", "spark"),
        ("AMAZON_REVIEWS_ENGINE", "sc://host:15002", "engine", "sc://host:15002"),
        ("AMAZON_REVIEWS_ENGINE_MEMORY", "512MiB", "engine_memory", 536_870_912),
        ("AMAZON_REVIEWS_ENGINE_MEMORY", "2GiB", "engine_memory", 2_147_483_648),
        ("AMAZON_REVIEWS_BATCH_ROWS", "1", "batch_rows", 1),
        ("DAGSTER_HOME", "/dagster/home", "dagster_home", Path("/dagster/home")),
        ("AMAZON_REVIEWS_MODELS", "/models", "models", Path("/models")),
        ("AMAZON_REVIEWS_REPORT", "/out/page.html", "titles", Path("/out/titles")),
        ("MLFLOW_TRACKING_URI", "https://user:password@host", "tracking_uri", None),
        ("AMAZON_REVIEWS_SENTIMENT_EXAMPLES", "500", "sentiment_examples", 500),
        ("AMAZON_REVIEWS_EVENT_HUB", HUB, "event_hub", HUB),
        ("AMAZON_REVIEWS_EVENT_HUB", "n.servicebus.windows.net/h", "event_hub", None),
        ("AMAZON_REVIEWS_CONSUMER_GROUP", "team", "consumer_group", "team"),
        ("AMAZON_REVIEWS_STREAM_EVENTS", "1", "stream_events", 1),
        ("AMAZON_REVIEWS_STREAM_SECONDS", "5", "stream_seconds", 5),
        ("AMAZON_REVIEWS_STREAM_LAG_SECONDS", "60", "stream_lag_seconds", 60),
    ],
)
def test_a_setting_is_taken(name, value, field, expected):
    assert getattr(load({name: value}), field) == (value if expected is None else expected)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("AMAZON_REVIEWS_LANDING", "landing"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "lakehouse"),
        ("DAGSTER_HOME", "dagster_home"),
    ],
)
def test_a_relative_folder_counts_from_the_working_directory(name, field, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert str(getattr(load({name: "a/b"}), field)) == str(tmp_path / "a/b")


@pytest.mark.parametrize(
    "name",
    "LANDING LAKEHOUSE WAREHOUSE ENGINE ENGINE_MEMORY BATCH_ROWS EVENT_HUB CONSUMER_GROUP".split(),
)
def test_an_empty_variable_is_as_if_unset(name):
    assert load({f"AMAZON_REVIEWS_{name}": ""}) == load({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMAZON_REVIEWS_ENGINE", "flink"),
        ("AMAZON_REVIEWS_ENGINE", "Sail"),
        ("AMAZON_REVIEWS_ENGINE", "http://host"),
        ("AMAZON_REVIEWS_ENGINE_MEMORY", "1"),
        ("AMAZON_REVIEWS_ENGINE_MEMORY", "1GB"),
        ("AMAZON_REVIEWS_ENGINE_MEMORY", "1.5GiB"),
        ("AMAZON_REVIEWS_ENGINE_MEMORY", "0MiB"),
        ("AMAZON_REVIEWS_BATCH_ROWS", "0"),
        ("AMAZON_REVIEWS_BATCH_ROWS", "-1"),
        ("AMAZON_REVIEWS_BATCH_ROWS", "1e6"),
        ("AMAZON_REVIEWS_BATCH_ROWS", "many"),
        ("AMAZON_REVIEWS_LANDING", "az://container/path"),
        ("AMAZON_REVIEWS_LANDING", "s3://bucket/path"),
        ("AMAZON_REVIEWS_LANDING", "abfss://account.dfs.core.windows.net/path"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "az://container/path"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "/a b"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "/50%"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "/é"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "/a/b[1]"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "/a*"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_name_and_value(name, value):
    with pytest.raises(SettingsError) as error:
        load({name: value})

    assert str(error.value).startswith(f"{name}: ")
    assert repr(value) in str(error.value)


@pytest.mark.parametrize(
    "value",
    [
        "abfss://lake@account.dfs.core.windows.net",
        "abfss://lake@account.dfs.core.windows.net/some/path",
        "az://lake",
        "az://lake/some/path",
    ],
)
def test_a_landing_zone_may_lie_in_an_azure_container(value):
    account = {"AZURE_STORAGE_ACCOUNT_NAME": "account"}

    assert load({"AMAZON_REVIEWS_LANDING": f"{value}/"} | account).landing == value


@pytest.mark.parametrize("place", ["https://a.blob.core.windows.net/c", "az://c", "abfss://c@a.b"])
def test_a_token_in_the_place_is_refused_and_not_shown(place):
    with pytest.raises(SettingsError, match="AMAZON_REVIEWS_LANDING: ") as refused:
        load({"AMAZON_REVIEWS_LANDING": f"{place}?sp=rl&sig=c2VjcmV0"})
    assert "c2VjcmV0" not in str(refused.value)


def test_a_working_directory_that_the_engine_cannot_use_is_refused_too(tmp_path, monkeypatch):
    (tmp_path / "my files").mkdir()
    monkeypatch.chdir(tmp_path / "my files")

    with pytest.raises(SettingsError, match=r"AMAZON_REVIEWS_LAKEHOUSE: .*my files/lakehouse"):
        load({"AMAZON_REVIEWS_LAKEHOUSE": "lakehouse"})


@pytest.mark.parametrize("value", ["sqlite:///a", "duckdb://a", "duckdb:///", "/a.duckdb"])
def test_a_warehouse_of_no_known_form_is_refused(value):
    with pytest.raises(SettingsError, match=r"AMAZON_REVIEWS_WAREHOUSE: .*use duckdb:///"):
        load({"AMAZON_REVIEWS_WAREHOUSE": value})


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("bigquery://", "'' is no id of a Google Cloud project"),
        ("bigquery://My_Project/d", "'My_Project' is no id of a Google Cloud project"),
        ("bigquery://project", "'' is no BigQuery dataset; after bigquery://project/ comes its"),
        ("bigquery://project/my-data", "'my-data' is no BigQuery dataset"),
        ("bigquery://project/data/table", "'data/table' is no BigQuery dataset"),
        ("bigquery://project/d?region=EU", r"only \?location= may follow, such as \?location=EU"),
        ("bigquery://project/d?location=EU&key=c2VjcmV0", r"only \?location= may follow"),
    ],
)
def test_a_bigquery_address_that_cannot_be_is_refused(value, advice):
    with pytest.raises(SettingsError, match=f"AMAZON_REVIEWS_WAREHOUSE: .*{advice}") as refused:
        load({"AMAZON_REVIEWS_WAREHOUSE": value})
    assert "c2VjcmV0" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "location"),
    [("bigquery://project/d", None), ("bigquery://project/d?location=E", "E")],
)
def test_a_bigquery_address_is_read(value, location):
    assert BigQueryAddress.of(value) == BigQueryAddress("project", "d", location)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (HUB.removesuffix(";EntityPath=h"), "EntityPath"),
        ("SharedAccessKey=c2VjcmV0", "connection string"),
        ("c2VjcmV0", "connection string"),
    ],
)
def test_an_event_hub_that_cannot_be_used_is_refused_without_its_key(value, advice):
    with pytest.raises(SettingsError, match=f"AMAZON_REVIEWS_EVENT_HUB: .*{advice}") as refused:
        load({"AMAZON_REVIEWS_EVENT_HUB": value})
    assert "c2VjcmV0" not in str(refused.value)
