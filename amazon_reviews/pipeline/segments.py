"""Stream segments: slices of the stream, each a partition of the tables that is replaced whole.

New events go to the last segment until it is full, or has many events of earlier commits. A run
rebuilds that segment only, so its time and memory do not grow with the stream. The orchestrator and
the reconciliation show all segments as the one partition `stream`.
"""

from collections.abc import Iterable, Mapping

from amazon_reviews.pipeline.datasets import STREAM

SEGMENT_EVENTS = 50_000
"""Events after which a segment is full."""

OPEN_SEGMENT_EVENTS = 5_000
"""Events up to which a later commit adds to a segment: each one has it written again in full."""

_NUMBERED = f"{STREAM.partition}-"


def is_segment(partition: str) -> bool:
    """Return True if a partition of a table is a segment of the stream."""
    return partition == STREAM.partition or partition.startswith(_NUMBERED)


def segments(partitions: Iterable[str]) -> list[str]:
    """Return the segments among partitions of a table, in their order."""
    return sorted(filter(is_segment, partitions))


def next_segment(segment: str) -> str:
    """Return the name of the segment after this one; names sort in the order of segments."""
    number = int(segment.removeprefix(_NUMBERED)) if segment.startswith(_NUMBERED) else 1
    return f"{_NUMBERED}{number + 1:06d}"


def display_partition(partition: str) -> str:
    """Return the partition of the orchestrator and the reconciliation for one of a table."""
    return STREAM.partition if is_segment(partition) else partition


def sum_by_partition(rows: Mapping[str, int]) -> dict[str, int]:
    """Add up rows by `display_partition`."""
    total: dict[str, int] = {}
    for name, count in rows.items():
        partition = display_partition(name)
        total[partition] = total.get(partition, 0) + count
    return total
