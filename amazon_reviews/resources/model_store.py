"""The model store: an MLflow tracking store and registry, by default in a local folder."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from amazon_reviews.atomic_file import replacing
from amazon_reviews.config import Settings
from amazon_reviews.resources.stored_model import Record, StoredModel

if TYPE_CHECKING:
    from amazon_reviews.resources.mlflow_registry import MlflowRegistry

__all__ = ["ModelStore", "Record", "StoredModel"]

_CURRENT_FILE = "current.json"
# By default MLflow reports its use to another host, prints, and waits minutes for a server that
# does not answer.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
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

    def current(self, name: str) -> StoredModel | None:
        """Return the current version, None without one.

        Raises:
            LocationError: the store cannot be reached, or has lost the file.
        """
        state = self._local_state()
        if not self.uri and state is None:
            return None
        if state and (remembered := self._remembered(name, state)):
            return remembered
        model = self._registry().current(name)
        if state and model:
            self._remember(model, state)
        return model

    def _registry(self) -> "MlflowRegistry":
        # MLflow reads these variables when it is imported.
        for variable, value in _DEFAULTS.items():
            os.environ.setdefault(variable, value)
        # Imported here because MLflow takes seconds, which a remembered model does not need.
        from amazon_reviews.resources.mlflow_registry import MlflowRegistry

        return MlflowRegistry(self.folder, self.uri)

    def _local_state(self) -> list[int] | None:
        """Return numbers that change with the local store, None if it does not exist."""
        if self.uri:
            return None
        try:
            stat = (self.folder / "mlflow.db").stat()
        except FileNotFoundError:
            return None
        return [stat.st_mtime_ns, stat.st_size]

    def _remembered(self, name: str, state: list[int]) -> StoredModel | None:
        """Return the current version as of the last request, if the local store did not change."""
        try:
            memo = json.loads((self.folder / _CURRENT_FILE).read_bytes())
            if memo["state"] != state:
                return None
            entry = memo["models"][name]
            model = StoredModel(name, int(entry["version"]), Path(entry["path"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return model if model.path.is_file() else None

    def _remember(self, model: StoredModel, state: list[int]) -> None:
        path = self.folder / _CURRENT_FILE
        try:
            memo = json.loads(path.read_bytes())
            models = memo["models"] if memo["state"] == state else {}
        except (OSError, ValueError, KeyError, TypeError):
            models = {}
        models[model.name] = {"version": model.version, "path": str(model.path)}
        # A read-only folder costs time only.
        with suppress(OSError), replacing(path) as file:
            file.write(json.dumps({"state": state, "models": models}).encode())
