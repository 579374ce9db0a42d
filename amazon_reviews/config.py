"""Every setting of the project, read once from the environment.

Defaults run on one machine without any account and lie under the project's root.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from amazon_reviews.errors import SettingsError

PREFIX = "AMAZON_REVIEWS_"
LANDING = f"{PREFIX}LANDING"
WAREHOUSE = f"{PREFIX}WAREHOUSE"
WAREHOUSE_FORMS = (
    "duckdb:///relative/path.duckdb, duckdb:////absolute/path.duckdb or "
    "bigquery://project/dataset?location=EU"
)
EVENT_HUB = f"{PREFIX}EVENT_HUB"
ENGINE = f"{PREFIX}ENGINE"
MODELS = f"{PREFIX}MODELS"
TRACKING_URI = "MLFLOW_TRACKING_URI"
_SIZE = re.compile(r"([1-9]\d*)(MiB|GiB)")
_NAMESPACE_AND_HUB = re.compile(r"[A-Za-z0-9.-]+/[A-Za-z0-9._-]+")
_DATA_LAKE = re.compile(r"abfss://[a-z0-9$-]+@[a-z0-9]+\.dfs\.core\.windows\.net(/[^?#]*)?")
_BLOBS = re.compile(r"az://[a-z0-9$-]+(/[^?#]*)?")
_AZURE_FORMS = "abfss://container@account.dfs.core.windows.net/path nor az://container/path"
_BUCKETS = re.compile(r"(s3|gs)://[a-z0-9._-]+(/[^?#]*)?")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_LOCATION = re.compile(r"(location=([A-Za-z0-9-]+))?")
_SAME_IN_A_URL = re.compile(r"[A-Za-z0-9/._~:=+@,&!$();'-]*")


@dataclass(frozen=True)
class BigQueryAddress:
    """A dataset in BigQuery; `location` is None where it is wherever it is."""

    project: str
    dataset: str
    location: str | None = None

    @classmethod
    def of(cls, url: str) -> "BigQueryAddress":
        """The dataset of ``bigquery://project/dataset[?location=EU]``. Raises SettingsError."""
        path, _, query = url.removeprefix("bigquery://").partition("?")
        project, _, dataset = path.partition("/")
        location = _LOCATION.fullmatch(query)
        if not _PROJECT.fullmatch(project):
            raise SettingsError(WAREHOUSE, f"{project!r} is no id of a Google Cloud project")
        if not _DATASET.fullmatch(dataset):
            raise SettingsError(
                WAREHOUSE,
                f"{dataset!r} is no BigQuery dataset; after bigquery://project/ comes its name, of "
                "letters, digits and '_'",
            )
        if not location:
            raise SettingsError(
                WAREHOUSE, "after the dataset only ?location= may follow, such as ?location=EU"
            )
        return cls(project, dataset, location[2])


@dataclass(frozen=True)
class Settings:
    """Where things lie and what they run on.

    `engine_memory` is in bytes and bounds the embedded engine's working memory;
    `batch_rows` is the number of rows that one engine query takes at most, where a
    single landing partition is not larger than that by itself. `event_hub` is None when
    streaming is off, else it may hold a key: it must not be shown. New events are read when
    `stream_events` of them wait, or the oldest has waited `stream_seconds`; the check of the lag
    fails above `stream_lag_seconds`. `tracking_uri` is that of the MLflow store of the models,
    None for one in the folder `models`; it may hold a password. `sentiment_examples` is about how
    many reviews the sentiment model learns from and is measured on at most; `star_classifier` is
    the folder of a pre-trained one that it is compared with.
    """

    landing: str
    lakehouse: str
    warehouse: str
    engine: str
    engine_memory: int
    batch_rows: int
    dagster_home: Path
    report: Path
    models: Path
    tracking_uri: str | None
    sentiment_examples: int
    star_classifier: Path | None
    event_hub: str | None
    consumer_group: str
    stream_events: int
    stream_seconds: int
    stream_lag_seconds: int

    @property
    def titles(self) -> Path:
        """The folder, beside the report, of what is written of the streaming titles."""
        return self.report.with_name("titles")


def project_root() -> Path:
    """The checkout the package lies in, or the working directory for an installed package."""
    root = Path(__file__).resolve().parent.parent
    return root if (root / "pyproject.toml").is_file() else Path.cwd()


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    env = os.environ if environ is None else environ
    data = project_root() / "data"
    return Settings(
        landing=_landing(env, data / "landing"),
        lakehouse=_lakehouse(env, data / "lakehouse"),
        warehouse=_warehouse(env, data / "warehouse.duckdb"),
        engine=_engine(env.get(ENGINE) or "sail"),
        engine_memory=_size(env, "ENGINE_MEMORY", "1GiB"),
        batch_rows=positive(env, "BATCH_ROWS", 500_000),
        dagster_home=Path(env.get("DAGSTER_HOME") or data / "dagster").absolute(),
        report=Path(env.get(f"{PREFIX}REPORT") or data / "report.html").absolute(),
        models=Path(env.get(MODELS) or data / "models").absolute(),
        tracking_uri=env.get(TRACKING_URI) or None,
        sentiment_examples=positive(env, "SENTIMENT_EXAMPLES", 2_000_000),
        star_classifier=_folder(env, "STAR_CLASSIFIER"),
        event_hub=_event_hub(env.get(EVENT_HUB) or None),
        consumer_group=env.get(f"{PREFIX}CONSUMER_GROUP") or "$Default",
        stream_events=positive(env, "STREAM_EVENTS", 1_000),
        stream_seconds=positive(env, "STREAM_SECONDS", 10),
        stream_lag_seconds=positive(env, "STREAM_LAG_SECONDS", 900),
    )


def is_remote(location: str) -> bool:
    """Whether a place is not a local folder."""
    return "://" in location


def _landing(env: Mapping[str, str], default: Path) -> str:
    """A local folder, or a place in an Azure container whose account is known."""
    return _place(env, "LANDING", default, _AZURE_FORMS, (_DATA_LAKE, _BLOBS))


def _lakehouse(env: Mapping[str, str], default: Path) -> str:
    """A local folder or a place in an object store, which the embedded engine takes for a URL."""
    forms = f"{_AZURE_FORMS} nor s3://bucket/path nor gs://bucket/path"
    value = _place(env, "LAKEHOUSE", default, forms, (_DATA_LAKE, _BLOBS, _BUCKETS))
    if _SAME_IN_A_URL.fullmatch(value):
        return value
    raise SettingsError(
        f"{PREFIX}LAKEHOUSE",
        f"the engine cannot use {value!r}; take a folder whose whole path is of the letters "
        "A to Z and a to z, digits, '-', '_', '.' and '/', without blanks",
    )


def _place(
    env: Mapping[str, str],
    name: str,
    default: Path,
    forms: str,
    known: Sequence[re.Pattern[str]],
) -> str:
    value = env.get(PREFIX + name)
    if not value:
        return str(default)
    if not is_remote(value):
        return str(Path(value).absolute())
    if not any(form.fullmatch(value) for form in known):
        raise SettingsError(
            PREFIX + name,
            # What stands behind a question mark may be a token.
            f"{value.partition('?')[0]!r} is neither the path of a local folder nor {forms}",
        )
    if value.startswith("az://") and not env.get("AZURE_STORAGE_ACCOUNT_NAME"):
        raise SettingsError(
            PREFIX + name, f"{value!r} needs AZURE_STORAGE_ACCOUNT_NAME to be set too"
        )
    return value.rstrip("/")


def _warehouse(env: Mapping[str, str], default: Path) -> str:
    value = env.get(WAREHOUSE) or f"duckdb:///{default}"
    scheme, _, path = value.partition("://")
    if scheme == "duckdb" and len(path) > 1 and path.startswith("/"):
        return value
    if scheme == "bigquery":
        BigQueryAddress.of(value)
        return value
    raise SettingsError(
        WAREHOUSE, f"has no known form (it begins with {scheme[:20]!r}); use {WAREHOUSE_FORMS}"
    )


def _event_hub(value: str | None) -> str | None:
    """A connection string with its hub, or namespace/hub; errors do not repeat it."""
    if value is None or _NAMESPACE_AND_HUB.fullmatch(value):
        return value
    parts = {part.partition("=")[0].lower() for part in value.split(";")}
    if "endpoint" not in parts:
        raise SettingsError(
            EVENT_HUB,
            "is neither a connection string (Endpoint=sb://…;EntityPath=hub) nor "
            "namespace.servicebus.windows.net/hub",
        )
    if "entitypath" not in parts:
        raise SettingsError(EVENT_HUB, "names no hub; add ;EntityPath=<hub> to its end")
    return value


def _engine(value: str) -> str:
    if value in ("sail", "spark") or value.startswith("sc://"):
        return value
    # What stands behind a semicolon may be a token.
    shown = re.split("[;?]", value)[0]
    raise SettingsError(
        ENGINE, f"{shown!r} is not an engine; use 'sail', 'spark' or 'sc://host:port'"
    )


def _size(env: Mapping[str, str], name: str, default: str) -> int:
    value = env.get(PREFIX + name) or default
    match = _SIZE.fullmatch(value)
    if not match:
        raise SettingsError(PREFIX + name, f"{value!r} is not a size such as 512MiB or 2GiB")
    return int(match[1]) << (20 if match[2] == "MiB" else 30)


def _folder(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(PREFIX + name)
    if not value:
        return None
    if not Path(value).is_dir():
        raise SettingsError(PREFIX + name, f"{value!r} is not a folder")
    return Path(value).absolute()


def positive(env: Mapping[str, str], name: str, default: int) -> int:
    """A whole number above zero from the variable of this `name` after the prefix.

    Raises:
        SettingsError: it is none.
    """
    value = env.get(PREFIX + name) or str(default)
    if not value.isdecimal() or int(value) < 1:
        raise SettingsError(PREFIX + name, f"{value!r} is not a whole number above zero")
    return int(value)
