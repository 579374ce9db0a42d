"""A partition that cannot be made fails alone: the others of the run are made."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pyspark.sql import SparkSession

from amazon_reviews.errors import FailedPartitionsError

T = TypeVar("T")
_LONGEST_REASON = 500


def reason(error: Exception) -> str:
    """The text of an error in one line of a readable length, after its type if that is foreign."""
    text = " ".join(str(error).split())
    if len(text) > _LONGEST_REASON:
        # The engine's errors begin with what was done, and end with what the system said.
        text = f"{text[: _LONGEST_REASON // 2]} … {text[-_LONGEST_REASON // 2 :]}"
    if type(error).__module__.startswith("amazon_reviews."):
        return text
    return ": ".join(filter(None, (type(error).__name__, text)))


def isolated(
    batches: Iterable[Sequence[str]],
    make: Callable[[Sequence[str]], Iterable[tuple[str, T]]],
    spark: SparkSession | None = None,
) -> Iterator[tuple[str, T]]:
    """Make batches of partitions; the partitions of a batch that fails are made one by one.

    Yields each partition with what `make` gives for it. `spark` is the engine that makes them, if
    one does: where it does not answer any more, its error is raised at once.

    Raises:
        FailedPartitionsError: at the end, if some partitions failed alone.
    """
    errors: dict[str, Exception] = {}
    todo = deque(batches)
    while todo:
        batch = todo.popleft()
        try:
            done = list(make(batch))
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are made
            if spark:
                # Without an engine each partition would fail, after minutes of attempts.
                spark.sql("SELECT 1").collect()
            if len(batch) > 1:
                todo.extendleft([name] for name in reversed(batch))
            else:
                errors[batch[0]] = error
        else:
            yield from done
    if errors:
        raise FailedPartitionsError(errors)
