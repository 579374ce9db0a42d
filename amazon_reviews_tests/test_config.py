"""Every setting: its default, the values it takes, and errors that name the variable."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from amazon_reviews import config
from amazon_reviews.config import BigQueryAddress, load
from amazon_reviews.errors import SettingsError

ROOT = Path(__file__).parents[1]
HUB = "Endpoint=sb://n.net/;SharedAccessKeyName=reader;SharedAccessKey=c2VjcmV0;EntityPath=h"


def test_defaults_are_under_the_project_and_need_no_account():
    settings = load({})

    assert settings == config.Settings(
        azure_account="",
        landing=str(ROOT / "data/landing"),
        lakehouse=str(ROOT / "data/lakehouse"),
        warehouse=f"duckdb:///{ROOT}/data/warehouse.duckdb",
        engine="sail",
        engine_memory=1 << 30,
        batch_rows=500_000,
        dagster_home=ROOT / "data/dagster",
        report=ROOT / "data/report.html",
        models=ROOT / "data/models",
        tracking_uri=SecretStr(""),
        sentiment_examples=2_000_000,
        star_classifier=None,
        event_hub=SecretStr(""),
        consumer_group="$Default",
        stream_events=50_000,
        stream_seconds=1,
        stream_quiet_seconds=600,
        stream_run_seconds=3_600,
        stream_run_events=5_000_000,
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
        ("AMAZON_REVIEWS_STREAM_QUIET_SECONDS", "9", "stream_quiet_seconds", 9),
        ("AMAZON_REVIEWS_STREAM_RUN_SECONDS", "60", "stream_run_seconds", 60),
        ("AMAZON_REVIEWS_STREAM_RUN_EVENTS", "70", "stream_run_events", 70),
        ("AMAZON_REVIEWS_STREAM_LAG_SECONDS", "60", "stream_lag_seconds", 60),
        ("AMAZON_REVIEWS_FRESH_HOURS", "24", "fresh_hours", 24),
        ("AMAZON_REVIEWS_ALERTS", "https://a.example/x slack://a/b/c", "alerts", None),
        ("AMAZON_REVIEWS_ALERTS_PER_HOUR", "5", "alerts_per_hour", 5),
        ("AMAZON_REVIEWS_DAGSTER_URL", "https://ui.example/", "dagster_url", "https://ui.example"),
    ],
)
def test_a_setting_is_read_from_its_variable(name, value, field, expected):
    read = getattr(load({name: value}), field)

    plain = read.get_secret_value() if isinstance(read, SecretStr) else read
    assert plain == (value if expected is None else expected)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("AMAZON_REVIEWS_LANDING", "landing"),
        ("AMAZON_REVIEWS_LAKEHOUSE", "lakehouse"),
        ("DAGSTER_HOME", "dagster_home"),
    ],
)
def test_a_relative_folder_is_relative_to_the_working_directory(name, field, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert str(getattr(load({name: "a/b"}), field)) == str(tmp_path / "a/b")


@pytest.mark.parametrize(
    "name",
    "LANDING LAKEHOUSE WAREHOUSE ENGINE ENGINE_MEMORY BATCH_ROWS EVENT_HUB CONSUMER_GROUP".split(),
)
def test_an_empty_variable_counts_as_unset(name):
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
def test_an_unusable_value_raises_an_error_with_name_and_value(name, value):
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
def test_a_landing_zone_may_be_an_azure_container(value):
    account = {"AZURE_STORAGE_ACCOUNT_NAME": "account"}

    assert load({"AMAZON_REVIEWS_LANDING": f"{value}/"} | account).landing == value


@pytest.mark.parametrize(
    "location", ["https://a.blob.core.windows.net/c", "az://c", "abfss://c@a.b"]
)
def test_a_token_in_the_location_raises_an_error_that_does_not_show_it(location):
    with pytest.raises(SettingsError, match="AMAZON_REVIEWS_LANDING: ") as error:
        load({"AMAZON_REVIEWS_LANDING": f"{location}?sp=rl&sig=c2VjcmV0"})
    assert "c2VjcmV0" not in str(error.value)


def test_a_working_directory_that_the_engine_cannot_use_raises_an_error(tmp_path, monkeypatch):
    (tmp_path / "my files").mkdir()
    monkeypatch.chdir(tmp_path / "my files")

    with pytest.raises(SettingsError, match=r"AMAZON_REVIEWS_LAKEHOUSE: .*my files/lakehouse"):
        load({"AMAZON_REVIEWS_LAKEHOUSE": "lakehouse"})


@pytest.mark.parametrize("value", ["sqlite:///a", "duckdb://a", "duckdb:///", "/a.duckdb"])
def test_a_warehouse_of_no_known_form_raises_an_error_with_the_forms(value):
    with pytest.raises(SettingsError, match=r"AMAZON_REVIEWS_WAREHOUSE: .*use duckdb:///"):
        load({"AMAZON_REVIEWS_WAREHOUSE": value})


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("bigquery://", "'' is not the id of a Google Cloud project"),
        ("bigquery://My_Project/d", "'My_Project' is not the id of a Google Cloud project"),
        ("bigquery://project", "'' is not a BigQuery dataset; after bigquery://project/ comes its"),
        ("bigquery://project/my-data", "'my-data' is not a BigQuery dataset"),
        ("bigquery://project/data/table", "'data/table' is not a BigQuery dataset"),
        ("bigquery://project/d?region=EU", r"only \?location= may follow, such as \?location=EU"),
        ("bigquery://project/d?location=EU&key=c2VjcmV0", r"only \?location= may follow"),
    ],
)
def test_an_unusable_bigquery_address_raises_an_error_with_advice(value, advice):
    with pytest.raises(SettingsError, match=f"AMAZON_REVIEWS_WAREHOUSE: .*{advice}") as error:
        load({"AMAZON_REVIEWS_WAREHOUSE": value})
    assert "c2VjcmV0" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "location"),
    [("bigquery://project/d", None), ("bigquery://project/d?location=E", "E")],
)
def test_a_bigquery_address_is_parsed(value, location):
    assert BigQueryAddress.of(value) == BigQueryAddress("project", "d", location)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (HUB.removesuffix(";EntityPath=h"), "EntityPath"),
        ("SharedAccessKey=c2VjcmV0", "connection string"),
        ("c2VjcmV0", "connection string"),
    ],
)
def test_an_unusable_event_hub_raises_an_error_without_its_key(value, advice):
    with pytest.raises(SettingsError, match=f"AMAZON_REVIEWS_EVENT_HUB: .*{advice}") as error:
        load({"AMAZON_REVIEWS_EVENT_HUB": value})
    assert "c2VjcmV0" not in str(error.value)


def test_an_unusable_address_of_alerts_is_named_by_its_number():
    with pytest.raises(
        SettingsError, match=r"AMAZON_REVIEWS_ALERTS: address 2 has no form"
    ) as error:
        load({"AMAZON_REVIEWS_ALERTS": "https://hooks.example/x c2VjcmV0"})
    assert "c2VjcmV0" not in str(error.value)


@pytest.mark.parametrize(
    "value", ["ui.example", "ftp://ui.example", "https://u:c2VjcmV0@ui.example"]
)
def test_an_unusable_address_of_the_ui_raises_an_error(value):
    with pytest.raises(
        SettingsError, match="AMAZON_REVIEWS_DAGSTER_URL: is not an address"
    ) as error:
        load({"AMAZON_REVIEWS_DAGSTER_URL": value})
    assert "c2VjcmV0" not in str(error.value)


def test_all_unusable_settings_are_named_in_one_error():
    wrong = {
        "AMAZON_REVIEWS_BATCH_ROWS": "many",
        "AMAZON_REVIEWS_ENGINE": "flink",
        "AMAZON_REVIEWS_EVENT_HUB": "SharedAccessKey=c2VjcmV0",
    }

    with pytest.raises(SettingsError) as error:
        load(wrong)

    assert all(f"{name}: " in str(error.value) for name in wrong)
    assert "c2VjcmV0" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMAZON_REVIEWS_EVENT_HUB", HUB),
        ("MLFLOW_TRACKING_URI", "https://user:c2VjcmV0@host"),
        ("AMAZON_REVIEWS_ENGINE", "sc://host:443/;token=c2VjcmV0"),
        ("AMAZON_REVIEWS_ALERTS", "https://hooks.example/c2VjcmV0"),
    ],
)
def test_settings_show_no_secret(name, value):
    settings = load({name: value})

    for text in (repr(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "c2VjcmV0" not in text


@pytest.mark.parametrize("field", config.Settings.model_fields)
def test_every_setting_has_a_description_and_a_variable(field):
    assert config.Settings.model_fields[field].description
    assert re.fullmatch(r"[A-Z][A-Z_]+", config.Settings.variable(field))
