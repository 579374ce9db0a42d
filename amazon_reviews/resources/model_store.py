"""The models: an MLflow tracking store and registry, in a local folder unless told otherwise."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from amazon_reviews.config import MODELS, TRACKING_URI, Settings
from amazon_reviews.errors import LocationError
from amazon_reviews.interrupts import temporary_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

EXPERIMENT = "amazon_reviews"
IN_USE = "champion"
"""The alias of the version of a model that is in use."""

_CREDENTIALS = re.compile(r"://[^/@\s]*@")
_LONGEST = 300
_IN_USE_FILE = "in_use.json"
# MLflow tells another host about itself, prints, and waits minutes for a server that is not there.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@dataclass(frozen=True)
class Record:
    """What is kept beside a model: what it was made with, and how good it is."""

    parameters: Mapping[str, str | int | float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredModel:
    """A version of a registered model, and its file as it lies on this machine."""

    name: str
    version: int
    path: Path


@dataclass(frozen=True)
class ModelStore:
    """Keeps the files of models, what was measured of each, and which version is in use.

    `folder` has the local store, and what was downloaded from another; `uri` is MLflow's tracking
    URI, None for the local store.
    """

    folder: Path
    uri: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "ModelStore":
        """Return the store of the settings."""
        return cls(settings.models, settings.tracking_uri.get_secret_value() or None)

    def publish(self, name: str, file: Path, record: Record, *, in_use: bool) -> StoredModel:
        """Record a run with the model's file, and register it as the newest version of `name`.

        With `in_use` the alias is moved to it, as the last step: whatever fails before leaves the
        version before in use.

        Raises:
            LocationError: the store cannot be reached or written.
        """
        with self._client() as client:
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
            version = client.create_model_version(name, source, run_id, tags=dict(record.tags))
            if in_use:
                client.set_registered_model_alias(name, IN_USE, version.version)
            return self._stored(version)

    def attach(
        self, model: StoredModel, metrics: Mapping[str, float], figures: Mapping[str, bytes]
    ) -> None:
        """Add to the run of a model what was measured of it later, and PNG pictures by name.

        Raises:
            LocationError: the store cannot be reached or written.
        """
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
        """The version in use; None where there is none.

        Raises:
            LocationError: the store cannot be reached, or has lost the file.
        """
        state = self._state()
        if not self.uri and state is None:
            return None
        if state and (known := self._remembered(name, state)):
            return known
        with self._client() as client:
            version = _version_in_use(client, name)
            found = self._stored(version) if version else None
        if state and found:
            self._remember(found, state)
        return found

    def _state(self) -> list[int] | None:
        """What changes whenever the local store does; None where there is none."""
        if self.uri:
            return None
        try:
            found = self._database.stat()
        except FileNotFoundError:
            return None
        return [found.st_mtime_ns, found.st_size]

    def _remembered(self, name: str, state: list[int]) -> StoredModel | None:
        """What was in use when the local store was last asked, if it did not change since.

        MLflow takes seconds to load, which a command or a service that only reads need not wait.
        """
        try:
            known = json.loads((self.folder / _IN_USE_FILE).read_bytes())
            if known["state"] != state:
                return None
            model = known["models"][name]
            found = StoredModel(name, int(model["version"]), Path(model["path"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if found.path.is_file() else None

    def _remember(self, model: StoredModel, state: list[int]) -> None:
        path = self.folder / _IN_USE_FILE
        try:
            known = json.loads(path.read_bytes())
            models = known["models"] if known["state"] == state else {}
        except (OSError, ValueError, KeyError, TypeError):
            models = {}
        models[model.name] = {"version": model.version, "path": str(model.path)}
        with suppress(OSError), temporary_folder(dir=self.folder) as aside:
            part = Path(aside) / path.name
            part.write_text(json.dumps({"state": state, "models": models}))
            os.replace(part, path)

    @property
    def _database(self) -> Path:
        return self.folder / "mlflow.db"

    @contextmanager
    def _client(self) -> Iterator["MlflowClient"]:
        for variable, value in _DEFAULTS.items():
            os.environ.setdefault(variable, value)
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            if not self.uri:
                self.folder.mkdir(parents=True, exist_ok=True)
            yield MlflowClient(self.uri or f"sqlite:///{self._database}")
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise LocationError(f"{self._shown}: {_first_line(error)}") from None

    @property
    def _shown(self) -> str:
        """The setting and the place, without what may be a password."""
        if not self.uri:
            return f"{MODELS}: {self.folder}"
        parts = urlsplit(self.uri)
        return f"{TRACKING_URI}: {parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def _experiment(self, client: "MlflowClient") -> str:
        """The id of the experiment, made if it is not there."""
        if found := client.get_experiment_by_name(EXPERIMENT):
            return str(found.experiment_id)
        place = None if self.uri else (self.folder / "artifacts").absolute().as_uri()
        return str(client.create_experiment(EXPERIMENT, artifact_location=place))

    def _stored(self, version: "ModelVersion") -> StoredModel:
        number = int(version.version)
        path = _local(str(version.source)) or self._downloaded(version)
        if not path.is_file():
            raise LocationError(
                f"{self._shown}: the file of {version.name} version {number} is gone: {path}; "
                f"materialize the asset model/{version.name} again"
            )
        return StoredModel(version.name, number, path)

    def _downloaded(self, version: "ModelVersion") -> Path:
        """The file of a version, downloaded once; what was cut off is downloaded again."""
        name = unquote(urlsplit(version.source).path).rpartition("/")[2]
        folder = self.folder / "downloaded" / version.name / str(version.version)
        if not (folder / name).is_file():
            from mlflow.artifacts import download_artifacts

            folder.mkdir(parents=True, exist_ok=True)
            with temporary_folder(dir=folder) as aside:
                source = version.source
                found = download_artifacts(source, dst_path=aside, tracking_uri=self.uri)
                os.replace(found, folder / name)
        return folder / name


def _version_in_use(client: "MlflowClient", name: str) -> "ModelVersion | None":
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, IN_USE)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _ensure_registered(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _local(source: str) -> Path | None:
    """The file that a source names, if it is one of this machine."""
    parts = urlsplit(source)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def _first_line(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return _CREDENTIALS.sub("://", line)[:_LONGEST]
