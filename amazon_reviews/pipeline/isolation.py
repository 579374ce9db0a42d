"""Isolation of failures: a partition that cannot be built does not stop the others of its run."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pyspark.sql import SparkSession

from amazon_reviews.errors import FailedPartitionsError, StorageError

T = TypeVar("T")


def isolated(
    batches: Iterable[Sequence[str]],
    build: Callable[[Sequence[str]], Iterable[tuple[str, T]]],
    spark: SparkSession | None = None,
) -> Iterator[tuple[str, T]]:
    """Build batches of partitions; build the partitions of a failed batch one by one.

    Yields each partition with the result of `build` for it. `spark` is the engine that `build`
    uses, if any. If the engine no longer answers, its error is raised at once. If a folder is full
    or cannot be written to, the other partitions are not tried.

    Raises:
        FailedPartitionsError: at the end, if single partitions failed.
    """
    errors: dict[str, Exception] = {}
    remaining = deque(batches)
    while remaining:
        batch = remaining.popleft()
        try:
            results = list(build(batch))
        except Exception as error:  # noqa: BLE001 - any failure must spare the other partitions
            if spark:
                # Without an engine each partition would fail, after minutes of attempts.
                spark.sql("SELECT 1").collect()
            if len(batch) > 1:
                remaining.extendleft([name] for name in reversed(batch))
                continue
            errors[batch[0]] = error
            if isinstance(error, StorageError):
                errors |= {name: error for others in remaining for name in others}
                break
        else:
            yield from results
    if errors:
        raise FailedPartitionsError(errors)
