"""Batches that Arrow's interface reads, with the error they ended with."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


class Guarded:
    """An iterator that keeps the error it ended with, which Arrow's interface turns into text."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._error: Exception | None = None
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches
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
