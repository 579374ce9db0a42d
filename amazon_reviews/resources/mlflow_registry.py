"""MLflow's tracking store and registry; imported on demand only, because it takes seconds."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from sqlite3 import Error as SqliteError
from urllib.parse import unquote, urlsplit

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from amazon_reviews.atomic_file import replace_file
from amazon_reviews.config import MODELS, TRACKING_URI
from amazon_reviews.disk import Place, check_room, storage_error, temporary_files
from amazon_reviews.errors import LocationError
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.redaction import HIDDEN, redacted
from amazon_reviews.resources.stored_model import DATABASE, Record, Registered, StoredModel
from amazon_reviews.schemas.built import Built
from amazon_reviews.sqlite_file import answers, set_aside

EXPERIMENT = "amazon_reviews"
CURRENT = "champion"
"""The alias of the current version of a model."""

_ASIDE = ".new."
_CONTENTS = (
    "SELECT count(*) FROM experiments WHERE name <> 'Default'",
    "SELECT count(*) FROM runs",
    "SELECT count(*) FROM registered_models",
)
_BUILT = "built"
_CHECKSUM = "sha256"
_EXISTS = "RESOURCE_ALREADY_EXISTS"
_LONGEST = 300
# The database that MLflow creates has 0.9 MB, and a run adds little to it.
_DATABASE_BYTES = 1 << 20


@dataclass(frozen=True)
class MlflowRegistry:
    """Reads and writes runs, registered models and their files; see `ModelStore`.

    Its methods raise LocationError if the store cannot be reached or written, and StorageError if
    that is because of its folder.
    """

    folder: Path
    uri: str | None = field(repr=False)

    def publish(self, name: str, file: Path, record: Record, *, make_current: bool) -> StoredModel:
        """See `ModelStore.publish`."""
        with self._client() as client:
            if not self.uri:
                check_room(Place(MODELS, self.folder), file.stat().st_size + _DATABASE_BYTES)
            run = client.create_run(self._experiment(client), run_name=name, tags=dict(record.tags))
            run_id = run.info.run_id
            for key, parameter in record.parameters.items():
                client.log_param(run_id, key, parameter)
            for key, metric in record.metrics.items():
                client.log_metric(run_id, key, metric)
            client.log_artifact(run_id, str(file))
            client.set_terminated(run_id)
            source = f"{run.info.artifact_uri}/{file.name}"
            _ensure_registered(client, name)
            with file.open("rb") as content:
                checksum = hashlib.file_digest(content, "sha256").hexdigest()
            tags = {**record.tags, _CHECKSUM: checksum}
            version = client.create_model_version(name, source, run_id, tags=tags)
            if make_current:
                client.set_registered_model_alias(name, CURRENT, version.version)
            stored = self._stored(version)
            return replace(stored, run_id=run_id, url=self.page(run))

    def attach(
        self, model: StoredModel, metrics: Mapping[str, float], figures: Mapping[str, bytes]
    ) -> None:
        """See `ModelStore.attach`."""
        with self._client() as client:
            run_id = str(client.get_model_version(model.name, str(model.version)).run_id)
            for key, metric in metrics.items():
                client.log_metric(run_id, key, metric)
            with temporary_folder() as folder:
                for name, png in figures.items():
                    path = Path(folder) / f"{name}.png"
                    path.write_bytes(png)
                    client.log_artifact(run_id, str(path), "figures")

    def current(self, name: str) -> StoredModel | None:
        """See `ModelStore.current`."""
        with self._client() as client:
            try:
                return self._stored(client.get_model_version_by_alias(name, CURRENT))
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def record(self, name: str, built: Built) -> None:
        """See `ModelStore.record`."""
        with self._client() as client:
            _ensure_registered(client, name)
            client.set_registered_model_tag(name, _BUILT, built.to_json())

    def registered(self) -> dict[str, Registered]:
        """Return all registered models by name; those of a server without their files."""
        with self._client() as client:
            return {model.name: self._registered(client, model) for model in _models(client)}

    @contextmanager
    def _client(self) -> Iterator[MlflowClient]:
        try:
            if not (self.uri or _is_complete(self.folder / DATABASE)):
                self._create(self.folder / DATABASE)
            yield MlflowClient(self.uri or f"sqlite:///{self.folder / DATABASE}")
        except (MlflowException, SQLAlchemyError, SqliteError, OSError) as error:
            local = [] if self.uri else [Place(MODELS, self.folder)]
            if problem := storage_error(error, [*local, temporary_files()]):
                raise problem from None
            raise LocationError(f"{self._location}: {_first_line(error)}") from None

    def _create(self, database: Path) -> None:
        """Create the local store under another name, and move it into place when it is complete.

        MLflow creates it in many steps, and cannot go on after a kill between two of them.
        Processes take turns. A database that is damaged or half made is set aside.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # No soft lock: that of a killed process would stay.
        with FileLock(self.folder / f".{DATABASE}.lock", fallback_to_soft=False):
            if _is_complete(database):
                return
            for stale in self.folder.glob(f"{_ASIDE}*"):
                shutil.rmtree(stale, ignore_errors=True)
            with temporary_folder(prefix=_ASIDE, dir=self.folder) as folder:
                new = Path(folder) / DATABASE
                self._experiment(MlflowClient(f"sqlite:///{new}"))
                set_aside(database)
                replace_file(new, database)

    @property
    def _location(self) -> str:
        """The setting and the address, without the part that may be a password."""
        if not self.uri:
            return f"{MODELS}: {self.folder}"
        address = redacted(self.uri.partition("?")[0]).replace(f"{HIDDEN}@", "")
        return f"{TRACKING_URI}: {address}"

    def _experiment(self, client: MlflowClient) -> str:
        """Return the id of the experiment, after creating it if needed."""
        if experiment := client.get_experiment_by_name(EXPERIMENT):
            return str(experiment.experiment_id)
        artifacts = None if self.uri else (self.folder / "artifacts").absolute().as_uri()
        try:
            return str(client.create_experiment(EXPERIMENT, artifact_location=artifacts))
        except MlflowException as error:
            if error.error_code != _EXISTS:
                raise
            # Another process has created it meanwhile.
            return self._experiment(client)

    def page(self, run: Run) -> str:
        """Return the address of a run's page, without a login; "" if the store is no server."""
        server = urlsplit(self.uri or "")
        if server.scheme not in ("http", "https"):
            return ""
        host = server.netloc.rpartition("@")[2]
        place = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        return f"{server.scheme}://{host}{server.path.rstrip('/')}/{place}"

    def _stored(self, version: ModelVersion) -> StoredModel:
        path = _local(str(version.source)) or self._downloaded(version)
        return StoredModel(version.name, int(version.version), path)

    def _registered(self, client: MlflowClient, model: RegisteredModel) -> Registered:
        built = Built.from_json(model.tags.get(_BUILT, ""))
        version = model.aliases.get(CURRENT)
        if version is None:
            return Registered(built, None, None)
        if self.uri:
            return Registered(built, int(version), None)
        current = client.get_model_version(model.name, str(version))
        return Registered(
            built, int(version), _local(str(current.source)), current.tags.get(_CHECKSUM, "")
        )

    def _downloaded(self, version: ModelVersion) -> Path:
        """Return the file of a version, which is downloaded once; an incomplete one is repeated."""
        name = unquote(urlsplit(version.source).path).rpartition("/")[2]
        folder = self.folder / "downloaded" / version.name / str(version.version)
        if not (folder / name).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            with temporary_folder(dir=folder) as aside:
                source = version.source
                part = download_artifacts(source, dst_path=aside, tracking_uri=self.uri)
                replace_file(Path(part), folder / name)
        return folder / name


def _is_complete(database: Path) -> bool:
    """Return True if the database holds anything: a store that was created holds an experiment."""
    return any(answers(database, _CONTENTS) or ())


def _models(client: MlflowClient) -> Iterator[RegisteredModel]:
    page = client.search_registered_models()
    yield from page
    while page.token:
        page = client.search_registered_models(page_token=page.token)
        yield from page


def _ensure_registered(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != _EXISTS:
            raise


def _local(source: str) -> Path | None:
    """Return the file that a source names, None if it is not on this machine."""
    parts = urlsplit(source)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def _first_line(error: Exception) -> str:
    line = (redacted(str(error)).strip() or type(error).__name__).splitlines()[0]
    return line[:_LONGEST]
