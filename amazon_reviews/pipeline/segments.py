"""The stream in the tables: a series of segments, each replaced as a whole like a landing folder.

New events go to the last segment until it is full, so that what a run makes again, and the memory
that takes, does not grow with the stream. To the orchestrator and in the books all segments are
the one partition `stream`.
"""

from collections.abc import Iterable, Mapping

from amazon_reviews.pipeline.datasets import STREAM

SEGMENT_EVENTS = 50_000
"""Events after which a segment is full."""

_NUMBERED = f"{STREAM.partition}-"


def is_segment(partition: str) -> bool:
    """Whether a partition of a table is a segment of the stream."""
    return partition == STREAM.partition or partition.startswith(_NUMBERED)


def segments(partitions: Iterable[str]) -> list[str]:
    """The segments among partitions of a table, in their order."""
    return sorted(filter(is_segment, partitions))


def following(segment: str) -> str:
    """The segment after this one; their names sort in their order."""
    number = int(segment.removeprefix(_NUMBERED)) if segment.startswith(_NUMBERED) else 1
    return f"{_NUMBERED}{number + 1:06d}"


def shown(partition: str) -> str:
    """The partition that the orchestrator and the books have for one of a table."""
    return STREAM.partition if is_segment(partition) else partition


def folded(rows: Mapping[str, int]) -> dict[str, int]:
    """Rows by partition as it is `shown`."""
    total: dict[str, int] = {}
    for name, count in rows.items():
        total[shown(name)] = total.get(shown(name), 0) + count
    return total
