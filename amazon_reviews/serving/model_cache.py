"""Current models of a service: loaded once, and again when another version becomes current."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Generic, NamedTuple, TypeVar

from amazon_reviews.config import Settings
from amazon_reviews.models.loading import load_model
from amazon_reviews.resources.model_store import ModelStore, StoredModel

_log = logging.getLogger(__name__)
T = TypeVar("T")
CHECK_SECONDS = 10.0
"""Seconds after which the store is read again for the current version."""


class Loaded(NamedTuple, Generic[T]):
    """A loaded model, with its name and version."""

    stored: StoredModel
    model: T


class ModelCache(Generic[T]):
    """Gives the current model to any number of threads.

    The model stays if a newer version cannot be loaded, or the store cannot be read.
    """

    def __init__(self, store: ModelStore, name: str, load: Callable[[Path], T]) -> None:
        self._store, self._name, self._load = store, name, load
        self._lock = Lock()
        self._loaded: Loaded[T] | None = None
        self._checked: float | None = None

    def get(self) -> Loaded[T] | None:
        """Return the current model; None if the store has none yet.

        Raises:
            LocationError: the store cannot be used, and no model is loaded.
            Exception: raised by `load`, and no model is loaded.
        """
        with self._lock:
            if self._checked is None or monotonic() - self._checked >= CHECK_SECONDS:
                try:
                    self._refresh()
                except Exception as error:
                    if self._loaded is None:
                        raise
                    _log.warning("the %s model from before stays: %s", self._name, error)
                self._checked = monotonic()
            return self._loaded

    def _refresh(self) -> None:
        stored = self._store.current(self._name)
        if stored and (self._loaded is None or stored != self._loaded.stored):
            self._loaded = Loaded(stored, self._load(stored.path))


def open_model_cache(settings: Settings, name: str) -> ModelCache[Any]:
    """Return the cache of the model of this name in the store of the settings."""
    store = ModelStore.of(settings)
    return ModelCache(store, name, partial(load_model, name))
