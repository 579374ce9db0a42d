"""Batches produced one ahead of their consumer, which keep the error that ended them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pyarrow as pa


class PrefetchedBatches:
    """Produces batches one ahead in a thread, so that producing and writing overlap.

    That thread may write tables itself. The thread from which delta-rs reads may not.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._error: Exception | None = None
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with ThreadPoolExecutor(max_workers=1) as producer:
            try:
                upcoming = producer.submit(next, self._batches, None)
                while (batch := upcoming.result()) is not None:
                    upcoming = producer.submit(next, self._batches, None)
                    yield batch
            except Exception as error:
                self._error = error
                raise

    @contextmanager
    def raising_errors(self) -> Iterator[None]:
        """Raise the error that ended the batches, which replaces any error it caused.

        Arrow's stream interface turns an error into text and loses its class.
        """
        try:
            yield
        except Exception:
            if self._error is not None:
                raise self._error from None
            raise
