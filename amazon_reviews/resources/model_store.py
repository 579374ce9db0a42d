"""The model store: an MLflow tracking store and registry, by default in a local folder."""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amazon_reviews.atomic_file import replacing
from amazon_reviews.config import Settings
from amazon_reviews.errors import ModelFileError
from amazon_reviews.resources.stored_model import DATABASE, Record, Registered, StoredModel
from amazon_reviews.schemas.built import Built

if TYPE_CHECKING:
    from amazon_reviews.resources.mlflow_registry import MlflowRegistry

__all__ = ["ModelStore", "Record", "StoredModel"]

_MEMO_FILE = "current.json"
# By default MLflow reports its use to another host, prints, and waits minutes for a server that
# does not answer.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A pooled connection would go on in a database file that was replaced.
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}


@dataclass(frozen=True)
class ModelStore:
    """Keeps the files of models, their metrics, and the alias of each current version.

    `folder` holds the local store, and the files downloaded from a remote one. `uri` is MLflow's
    tracking URI, None for the local store. It may hold a password.
    """

    folder: Path
    uri: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "ModelStore":
        """Return the store of the settings."""
        return cls(settings.models, settings.tracking_uri.get_secret_value() or None)

    @property
    def database(self) -> Path:
        """The SQLite file of the local store, which a store elsewhere does not have."""
        return self.folder / DATABASE

    def publish(self, name: str, file: Path, record: Record, *, make_current: bool) -> StoredModel:
        """Record a run with the model's file, and register it as the newest version of `name`.

        With `make_current` the last step moves the alias to it. If a step before fails, the
        current version stays.

        Raises:
            LocationError: the store cannot be reached or written.
        """
        return self._registry().publish(name, file, record, make_current=make_current)

    def attach(
        self, model: StoredModel, metrics: Mapping[str, float], figures: Mapping[str, bytes]
    ) -> None:
        """Add later metrics, and PNG pictures by name, to the run of a model.

        Raises:
            LocationError: the store cannot be reached or written.
        """
        self._registry().attach(model, metrics, figures)

    def record(self, name: str, built: Built) -> None:
        """Store the record of the model `name`, of which there need not be a version.

        Raises:
            LocationError: the store cannot be reached or written.
        """
        self._registry().record(name, built)

    def records(self) -> dict[str, Built]:
        """Return the records of all models that have one, by name; see `lost`.

        Raises:
            LocationError: the store cannot be reached.
        """
        models = self._registered().items()
        return {name: model.built for name, model in models if model.built}

    def lost(self) -> dict[str, str]:
        """Return the models whose current version has lost its file, with a text about each.

        Only the local store is known to have lost a file before the file is asked for.

        Raises:
            LocationError: the store cannot be reached.
        """
        return {
            name: f"the file of version {model.version} is gone: {model.path}"
            for name, model in ({} if self.uri else self._registered()).items()
            if model.path and not model.path.is_file()
        }

    def check(self, name: str) -> None:
        """Read all bytes of the file of the current version, if it is in the local store.

        Raises:
            ModelFileError: the file is damaged; the text names it.
            LocationError: the store cannot be reached.
        """
        model = None if self.uri else self._registered().get(name)
        if model and model.path and (reason := _damage(model.path, model.checksum)):
            raise ModelFileError(f"{model.path} is damaged ({reason})")

    def current(self, name: str) -> StoredModel | None:
        """Return the current version, None without one; its file may be gone.

        Raises:
            LocationError: the store cannot be reached.
        """
        if not self.uri:
            model = self._registered().get(name)
            if model is None or model.version is None:
                return None
            if model.path:
                return StoredModel(name, model.version, model.path)
        return self._registry().current(name)

    def _registry(self) -> "MlflowRegistry":
        # MLflow reads these variables when it is imported.
        for variable, value in _DEFAULTS.items():
            os.environ.setdefault(variable, value)
        # Imported here because MLflow takes seconds, which remembered models do not need.
        from amazon_reviews.resources.mlflow_registry import MlflowRegistry

        return MlflowRegistry(self.folder, self.uri)

    def _registered(self) -> dict[str, Registered]:
        """Return all registered models, as remembered if the local store did not change."""
        if self.uri:
            return self._registry().registered()
        state = self._local_state()
        if state is None:
            return {}
        models = self._remembered(state)
        if models is None:
            models = self._registry().registered()
            self._remember(models, state)
        return models

    def _local_state(self) -> list[int] | None:
        """Return numbers that change with the local store, None if it does not exist."""
        try:
            stat = self.database.stat()
        except FileNotFoundError:
            return None
        return [stat.st_mtime_ns, stat.st_size]

    def _remembered(self, state: list[int]) -> dict[str, Registered] | None:
        """Return the models as of the last request, None if the local store changed since."""
        try:
            memo = json.loads((self.folder / _MEMO_FILE).read_bytes())
            if memo["state"] != state:
                return None
            return {name: _from_memo(entry) for name, entry in memo["registered"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _remember(self, models: Mapping[str, Registered], state: list[int]) -> None:
        registered = {name: _to_memo(model) for name, model in models.items()}
        # A read-only folder costs time only.
        with suppress(OSError), replacing(self.folder / _MEMO_FILE) as file:
            file.write(json.dumps({"state": state, "registered": registered}).encode())


def _damage(path: Path, checksum: str) -> str:
    """Return what is wrong with the file of a model, "" if nothing is."""
    try:
        with path.open("rb") as file:
            if checksum:
                same = hashlib.file_digest(file, "sha256").hexdigest() == checksum
                return "" if same else "its bytes differ from those that were written"
            # Files of earlier releases have no checksum, but their parts have.
            part = zipfile.ZipFile(file).testzip()
            return f"its part {part} is damaged" if part else ""
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        return str(error)


def _to_memo(model: Registered) -> dict[str, str | int | None]:
    return {
        "built": model.built.to_json() if model.built else "",
        "version": model.version,
        "path": str(model.path) if model.path else "",
        "checksum": model.checksum,
    }


def _from_memo(entry: Mapping[str, Any]) -> Registered:
    version, path = entry["version"], entry["path"]
    return Registered(
        built=Built.from_json(entry["built"]),
        version=None if version is None else int(version),
        path=Path(path) if path else None,
        checksum=str(entry["checksum"]),
    )
