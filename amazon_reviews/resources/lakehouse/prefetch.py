"""Batches that Arrow's interface reads, with the error they ended with."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pyarrow as pa


class Guarded:
    """Batches made one ahead in a thread, so that making and writing them run side by side.

    The thread is one that may itself write tables, which the one that delta-rs reads from may
    not. The error that the batches ended with, which Arrow's interface turns into text, is kept.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._error: Exception | None = None
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with ThreadPoolExecutor(max_workers=1) as maker:
            try:
                upcoming = maker.submit(next, self._batches, None)
                while (batch := upcoming.result()) is not None:
                    upcoming = maker.submit(next, self._batches, None)
                    yield batch
            except Exception as error:
                self._error = error
                raise

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Raise the error that the batches ended with in the place of what came of it."""
        try:
            yield
        except Exception:
            if self._error is not None:
                raise self._error from None
            raise
