"""Every setting of the project, read once from the environment.

The defaults need no account: they run on one machine, with all data under the project's root.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import SettingsConfigDict

from amazon_reviews.environment import EnvironmentSettings, WholeNumber
from amazon_reviews.errors import SettingsError

PREFIX = "AMAZON_REVIEWS_"
LANDING = f"{PREFIX}LANDING"
LANDING_LINKS = f"{PREFIX}LANDING_LINKS"
LAKEHOUSE = f"{PREFIX}LAKEHOUSE"
WAREHOUSE = f"{PREFIX}WAREHOUSE"
WAREHOUSE_FORMS = (
    "duckdb:///relative/path.duckdb, duckdb:////absolute/path.duckdb or "
    "bigquery://project/dataset?location=EU"
)
BIGQUERY_MAX_MB = f"{PREFIX}BIGQUERY_MAX_MB"
EVENT_HUB = f"{PREFIX}EVENT_HUB"
AUTOMATION = f"{PREFIX}AUTOMATION"
CAPTURE_NAMES = f"{PREFIX}CAPTURE_NAMES"
CAPTURE_PLACEHOLDERS = (
    *("Namespace", "EventHub", "PartitionId", "Year", "Month", "Day", "Hour", "Minute", "Second"),
)
DEFAULT_CAPTURE_NAMES = "/".join(f"{{{name}}}" for name in CAPTURE_PLACEHOLDERS)
ENGINE = f"{PREFIX}ENGINE"
PSEUDONYM_KEY = f"{PREFIX}PSEUDONYM_KEY"
ALERTS = f"{PREFIX}ALERTS"
FRESH_HOURS = f"{PREFIX}FRESH_HOURS"
MODELS = f"{PREFIX}MODELS"
REPORT = f"{PREFIX}REPORT"
DAGSTER_HOME = "DAGSTER_HOME"
TRACKING_URI = "MLFLOW_TRACKING_URI"
_AZURE_ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"

# A text, as in the environment and in the documentation; it is converted like any other value.
_DEFAULT_MEMORY: Any = "1GiB"
# Ids of reviewers are public, so whoever guesses a short key can undo its pseudonyms.
_SHORTEST_KEY = 16
_SIZE = re.compile(r"([1-9]\d*)(MiB|GiB)")
_NAMESPACE_AND_HUB = re.compile(r"[A-Za-z0-9.-]+/[A-Za-z0-9._-]+")
_DATA_LAKE = re.compile(r"abfss://[a-z0-9$-]+@[a-z0-9]+\.dfs\.core\.windows\.net(/[^?#]*)?")
_BLOBS = re.compile(r"az://[a-z0-9$-]+(/[^?#]*)?")
_AZURE_FORMS = "abfss://container@account.dfs.core.windows.net/path nor az://container/path"
_BUCKETS = re.compile(r"(s3|gs)://[a-z0-9._-]+(/[^?#]*)?")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_LOCATION = re.compile(r"(location=([A-Za-z0-9-]+))?")
_DESTINATION = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_WEB_ADDRESS = re.compile(r"https?://[^\s@?#]+")
_SAME_IN_A_URL = re.compile(r"[A-Za-z0-9/._~:=+@,&!$();'-]*")


@dataclass(frozen=True)
class BigQueryAddress:
    """A dataset in BigQuery; a `location` of None means the location that the dataset has."""

    project: str
    dataset: str
    location: str | None = None

    @classmethod
    def of(cls, url: str) -> "BigQueryAddress":
        """Return the dataset of ``bigquery://project/dataset[?location=EU]``.

        Raises:
            SettingsError: the address is not of that form.
        """
        path, _, query = url.removeprefix("bigquery://").partition("?")
        project, _, dataset = path.partition("/")
        location = _LOCATION.fullmatch(query)
        if not _PROJECT.fullmatch(project):
            raise SettingsError(WAREHOUSE, f"{project!r} is not the id of a Google Cloud project")
        if not _DATASET.fullmatch(dataset):
            raise SettingsError(
                WAREHOUSE,
                f"{dataset!r} is not a BigQuery dataset; after bigquery://project/ comes its name, "
                "of letters, digits and '_'",
            )
        if not location:
            raise SettingsError(
                WAREHOUSE, "after the dataset only ?location= may follow, such as ?location=EU"
            )
        return cls(project, dataset, location[2])


def is_remote(location: str) -> bool:
    """Return True if a location is in an object store, not in a local folder."""
    return "://" in location


def project_root() -> Path:
    """Return the folder of the checkout, or the working directory for an installed package."""
    root = Path(__file__).resolve().parent.parent
    return root if (root / "pyproject.toml").is_file() else Path.cwd()


def _in_data(name: str) -> Callable[[], Any]:
    # A text, which pydantic converts to the type of the field.
    return lambda: str(project_root() / "data" / name)


def _landing(value: str, info: ValidationInfo) -> str:
    return _location(value, info, _AZURE_FORMS, (_DATA_LAKE, _BLOBS))


def _lakehouse(value: str, info: ValidationInfo) -> str:
    forms = f"{_AZURE_FORMS} nor s3://bucket/path nor gs://bucket/path"
    location = _location(value, info, forms, (_DATA_LAKE, _BLOBS, _BUCKETS))
    # The embedded engine reads the path as a URL, and does not decode it everywhere.
    if not _SAME_IN_A_URL.fullmatch(location):
        raise ValueError(
            f"the engine cannot use {location!r}; take a folder whose whole path is of the letters "
            "A to Z and a to z, digits, '-', '_', '.' and '/', without blanks"
        )
    return location


def _location(
    value: str, info: ValidationInfo, forms: str, patterns: Sequence[re.Pattern[str]]
) -> str:
    if not is_remote(value):
        return str(Path(value).absolute())
    if not any(pattern.fullmatch(value) for pattern in patterns):
        # The part after a question mark may be a token.
        harmless = value.partition("?")[0]
        raise ValueError(f"{harmless!r} is neither the path of a local folder nor {forms}")
    if value.startswith("az://") and not info.data.get("azure_account"):
        raise ValueError(f"{value!r} needs {_AZURE_ACCOUNT} to be set too")
    return value.rstrip("/")


def _warehouse(value: str) -> str:
    scheme, _, path = value.partition("://")
    if scheme == "bigquery":
        BigQueryAddress.of(value)
    elif scheme != "duckdb" or len(path) < 2 or not path.startswith("/"):
        # Not the whole value: an unknown form may hold a password.
        raise ValueError(
            f"has no known form (it begins with {scheme[:20]!r}); use {WAREHOUSE_FORMS}"
        )
    elif "?" in path:
        # It would become part of the file's name, and may be a token.
        raise ValueError("has a '?', but a DuckDB file takes no parameters; leave them out")
    return value


def _event_hub(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text or _NAMESPACE_AND_HUB.fullmatch(text):
        return value
    parts = {part.partition("=")[0].lower() for part in text.split(";")}
    if "endpoint" not in parts:
        raise ValueError(
            "is neither a connection string (Endpoint=sb://…;EntityPath=hub) nor "
            "namespace.servicebus.windows.net/hub"
        )
    if "entitypath" not in parts:
        raise ValueError("names no hub; add ;EntityPath=<hub> to its end")
    return value


def _capture_names(value: str) -> str:
    names = re.findall(r"\{(\w*)\}", value)
    if unknown := [name for name in names if name not in CAPTURE_PLACEHOLDERS]:
        raise ValueError(f"{{{unknown[0]}}} is not one of {DEFAULT_CAPTURE_NAMES}")
    # Without the namespace, files are of the hub that the stream reads.
    if missing := [name for name in CAPTURE_PLACEHOLDERS[1:] if name not in names]:
        raise ValueError(f"lacks {{{missing[0]}}}; the default is {DEFAULT_CAPTURE_NAMES}")
    return value


def _engine(value: str) -> str:
    if value not in ("sail", "spark") and not value.startswith("sc://"):
        # The part after a semicolon may be a token.
        harmless = re.split("[;?]", value)[0]
        raise ValueError(f"{harmless!r} is not an engine; use 'sail', 'spark' or 'sc://host:port'")
    return value


def _size(value: int | str) -> int:
    # A number of bytes from code.
    if isinstance(value, int):
        return value
    match = _SIZE.fullmatch(value)
    if not match:
        raise ValueError(f"{value!r} is not a size such as 512MiB or 2GiB")
    return int(match[1]) << (20 if match[2] == "MiB" else 30)


def _pseudonym_key(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < _SHORTEST_KEY:
        raise ValueError(
            f"is shorter than {_SHORTEST_KEY} characters; `openssl rand -hex 32` prints a good one"
        )
    return value


def _alerts(value: SecretStr) -> SecretStr:
    # Not the value: an address may hold a key in any of its parts.
    for number, address in enumerate(value.get_secret_value().split(), start=1):
        if not _DESTINATION.fullmatch(address):
            raise ValueError(
                f"address {number} has no form such as https://host/path or mailtos://…; "
                "docs/how-to/alerts.md has examples"
            )
    return value


def _web_address(value: str) -> str:
    if not _WEB_ADDRESS.fullmatch(value):
        raise ValueError("is not an address such as https://dagster.example.com")
    return value.rstrip("/")


def _folder(value: Path | None) -> Path | None:
    if value is not None and not value.is_dir():
        raise ValueError(f"{str(value)!r} is not a folder")
    return value and value.absolute()


_Bytes = Annotated[int, BeforeValidator(_size)]
_AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]


class Settings(EnvironmentSettings):
    """The locations of all data, and the engine, models and stream that work on it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    azure_account: str = Field(
        default="",
        validation_alias=_AZURE_ACCOUNT,
        description="Storage account of locations that begin with `az://`.",
    )
    landing: Annotated[str, AfterValidator(_landing)] = Field(
        default_factory=_in_data("landing"),
        description="The landing zone: a local folder, or a location in Azure as "
        "`abfss://container@account.dfs.core.windows.net/path` or `az://container/path`.",
    )
    landing_links: bool = Field(
        default=False,
        description="Set to `true` to follow links that lead out of a local landing zone.",
    )
    max_unpacked_gb: WholeNumber = Field(
        default=200,
        description="Gigabytes that one compressed landing file, or a Parquet file, may hold when "
        "it is unpacked; a larger file is rejected whole.",
    )
    lakehouse: Annotated[str, AfterValidator(_lakehouse)] = Field(
        default_factory=_in_data("lakehouse"),
        description="The Delta tables: a local folder, or a location in an object store "
        "(`abfss://`, `az://`, `s3://` or `gs://`).",
    )
    warehouse: Annotated[str, AfterValidator(_warehouse)] = Field(
        default_factory=lambda: f"duckdb:///{project_root()}/data/warehouse.duckdb",
        description="The warehouse: `duckdb:///relative/path.duckdb`, "
        "`duckdb:////absolute/path.duckdb` or `bigquery://project/dataset?location=EU`.",
    )
    bigquery_max_mb: WholeNumber | None = Field(
        default=None,
        description="Megabytes that one query in BigQuery may bill, in apps and in loads; "
        "BigQuery refuses a query that needs more.",
    )
    time_travel_days: WholeNumber = Field(
        default=7,
        description="Days for which earlier versions of all tables stay readable; "
        "`amazon-reviews maintain` removes what only older ones need.",
    )
    engine: Annotated[str, AfterValidator(_engine)] = Field(
        default="sail",
        # The parameters of a Spark Connect address may hold a token.
        repr=False,
        exclude=True,
        description="The engine of the transforms: `sail` (embedded), `spark` (a local JVM) or "
        "`sc://host:port` (any Spark Connect server).",
    )
    engine_memory: _Bytes = Field(
        default=_DEFAULT_MEMORY,
        description="Working memory of the embedded engine, as `512MiB` or `2GiB`.",
    )
    batch_rows: WholeNumber = Field(
        default=500_000,
        description="Rows that one engine query takes at most; a landing partition is never split.",
    )
    rejected_percent: WholeNumber = Field(
        default=20,
        description="Percentage of rejected lines of a partition above which a check warns.",
    )
    profiles: Annotated[Path | None, AfterValidator(_folder)] = Field(
        default=None,
        description="Folder of your own source profiles, one YAML file each; unset means none.",
    )
    dagster_home: _AbsolutePath = Field(
        default_factory=_in_data("dagster"),
        validation_alias=DAGSTER_HOME,
        description="Folder of Dagster's runs, events and configuration.",
    )
    automation: bool = Field(
        default=True,
        description="Set to `false` to switch `planner_sensor` off: Dagster then builds only what "
        "a person, a schedule or another sensor asks for.",
    )
    keep_runs: WholeNumber = Field(
        default=2_000,
        description="Newest runs and backfills that `maintain` keeps in Dagster's storage; a run "
        "takes about 0.2 MB there.",
    )
    keep_run_days: WholeNumber = Field(
        default=90,
        description="Days after which `maintain` removes runs, backfills and ticks in any case.",
    )
    keep_ticks: WholeNumber = Field(
        default=10_000,
        description="Newest ticks of each sensor and schedule that `maintain` keeps; a tick takes "
        "about 1 kB.",
    )
    report: _AbsolutePath = Field(
        default_factory=_in_data("report.html"),
        description="File of the report; the folder `titles` beside it has the report of the "
        "streaming titles.",
    )
    models: _AbsolutePath = Field(
        default_factory=_in_data("models"),
        description="Folder of the local MLflow store, and of models downloaded from another one.",
    )
    tracking_uri: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=TRACKING_URI,
        description="MLflow tracking server of the models; unset means a store in the folder of "
        "the models. May hold a password.",
    )
    sentiment_examples: WholeNumber = Field(
        default=2_000_000,
        description="Reviews that the sentiment model is trained and evaluated on at most.",
    )
    star_classifier: Annotated[Path | None, AfterValidator(_folder)] = Field(
        default=None,
        description="Folder of a pre-trained star classifier that the sentiment model is "
        "compared with; unset means no comparison.",
    )
    pseudonym_key: Annotated[SecretStr, AfterValidator(_pseudonym_key)] = Field(
        default=SecretStr(""),
        description="Key of the pseudonyms under which the dashboard shows single customers, of at "
        "least 16 characters; unset means that it shows none.",
    )
    event_hub: Annotated[SecretStr, AfterValidator(_event_hub)] = Field(
        default=SecretStr(""),
        description="The event hub: a connection string with `EntityPath`, or "
        "`namespace.servicebus.windows.net/hub`; unset turns streaming off. May hold a key.",
    )
    consumer_group: str = Field(
        default="$Default", description="Consumer group that reads the event hub."
    )
    capture_names: Annotated[str, AfterValidator(_capture_names)] = Field(
        default=DEFAULT_CAPTURE_NAMES,
        description="File names of Event Hubs Capture, with its placeholders; `{Namespace}` may be "
        "left out where `AMAZON_REVIEWS_EVENT_HUB` names it.",
    )
    stream_events: WholeNumber = Field(
        default=50_000, description="Events that a micro-batch of the stream takes at most."
    )
    stream_seconds: WholeNumber = Field(
        default=1,
        description="Seconds from the start of a micro-batch of the stream to the next at least; "
        "more seconds write fewer files.",
    )
    stream_quiet_seconds: WholeNumber = Field(
        default=600,
        description="Seconds without an event after which a run of the stream ends.",
    )
    stream_run_seconds: WholeNumber = Field(
        default=3_600,
        description="Seconds after which a run of the stream ends, and the next one goes on.",
    )
    stream_run_events: WholeNumber = Field(
        default=5_000_000,
        description="Events after which a run of the stream ends, and the next one goes on.",
    )
    stream_lag_seconds: WholeNumber = Field(
        default=900, description="Lag of the stream in seconds above which its check fails."
    )

    fresh_hours: WholeNumber | None = Field(
        default=None,
        description="Hours within which a new review or event is expected; the check `fresh` fails "
        "when the newest one is older. Unset means 48 with an event hub, and that finished data is "
        "not judged without one.",
    )
    alerts: Annotated[SecretStr, AfterValidator(_alerts)] = Field(
        default=SecretStr(""),
        description="Addresses that alerts go to, separated by blanks: `https://` for a webhook, "
        "or any address of Apprise, such as `slack://` and `mailtos://`; unset turns alerts off. "
        "May hold keys.",
    )
    alerts_per_hour: WholeNumber = Field(
        default=20, description="Alerts per hour at most; the last one sums up all others."
    )
    dagster_url: Annotated[str, AfterValidator(_web_address)] = Field(
        default="http://127.0.0.1:3000",
        description="Address of the Dagster UI, for the links in alerts.",
    )

    @property
    def titles(self) -> Path:
        """The folder, beside the report, of the report and the files of the streaming titles."""
        return self.report.with_name("titles")


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of the project; see `EnvironmentSettings.read`.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    return Settings.read(environ)
