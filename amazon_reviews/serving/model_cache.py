"""The models in use, as services hold them: loaded once, and again when another is put in use."""

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

from amazon_reviews.resources.model_store import ModelStore, StoredModel

_log = logging.getLogger(__name__)
T = TypeVar("T")
ASKED_EVERY = 10.0
"""Seconds after which the store is asked again which version is in use."""


class Loaded(NamedTuple, Generic[T]):
    """A model, and which version of which it is."""

    stored: StoredModel
    model: T


class InUse(Generic[T]):
    """Gives the model in use, for any number of threads.

    A version that cannot be loaded, or a store that does not answer, leaves the one before.
    """

    def __init__(self, store: ModelStore, name: str, load: Callable[[Path], T]) -> None:
        self._store, self._name, self._load = store, name, load
        self._lock = Lock()
        self._loaded: Loaded[T] | None = None
        self._asked: float | None = None

    def get(self) -> Loaded[T] | None:
        """The model in use; None where there is none yet.

        Raises:
            LocationError: the store cannot be used, and there is no model from before.
            Exception: what `load` raises, and there is no model from before.
        """
        with self._lock:
            if self._asked is None or monotonic() - self._asked >= ASKED_EVERY:
                try:
                    self._refresh()
                except Exception as error:
                    if self._loaded is None:
                        raise
                    _log.warning("the %s model from before stays: %s", self._name, error)
                self._asked = monotonic()
            return self._loaded

    def _refresh(self) -> None:
        stored = self._store.current(self._name)
        if stored and (self._loaded is None or stored != self._loaded.stored):
            self._loaded = Loaded(stored, self._load(stored.path))
