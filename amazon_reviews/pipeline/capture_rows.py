"""Captured events as rows of bronze, and files of them after their numbers were read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.capture_events import (
    CapturedEvent,
    CapturedNumbers,
    captured_events,
)
from amazon_reviews.pipeline.capture_files import CaptureFile
from amazon_reviews.pipeline.sequence_numbers import Numbers
from amazon_reviews.pipeline.stream_rows import event_rows
from amazon_reviews.resources.landing.zone import LandingZone

HubPartition = tuple[str, str]
"""The name of a hub, and the name of one of its partitions."""


@dataclass(frozen=True)
class ReadFile:
    """A file whose numbers were read, with its hub partition."""

    capture: CaptureFile
    captured: CapturedNumbers
    numbers: Numbers

    @property
    def key(self) -> HubPartition:
        """The hub and partition."""
        return self.capture.path.hub, self.capture.path.partition


class UnreadableFileError(RuntimeError):
    """A file could not be read again; nothing was written."""

    def __init__(self, capture: CaptureFile, error: LandingError) -> None:
        super().__init__(str(error))
        self.capture = capture
        self.error = error


def differ(one: ReadFile, other: ReadFile) -> bool:
    """Return True if two files have events with the same number from different times."""
    if one.key != other.key or not one.numbers & other.numbers:
        return False
    _, first, second = np.intersect1d(
        one.captured.numbers, other.captured.numbers, return_indices=True
    )
    apart = np.abs(one.captured.seconds[first] - other.captured.seconds[second])
    return bool((apart > 1).any())


def new_rows(
    landing: LandingZone, files: Iterable[ReadFile], chosen: Mapping[HubPartition, Numbers]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield rows of the chosen events, each event once, with the number of events up to them."""
    left = dict(chosen)
    count = 0
    for file in files:
        wanted = left.get(file.key, Numbers()) & file.numbers
        if not wanted:
            continue
        for events in _events_of(landing, file):
            numbers = np.array([event.sequence_number for event in events], np.int64)
            positions = np.flatnonzero(wanted.contains(numbers))
            # A file may have an event twice.
            _, first = np.unique(numbers[positions], return_index=True)
            positions = np.sort(positions[first])
            taken = Numbers.of(numbers[positions])
            wanted, left[file.key] = wanted - taken, left[file.key] - taken
            count += len(positions)
            for batch in event_rows(*file.key, [events[position] for position in positions]):
                yield count, batch
        if wanted:
            text = f"{file.capture.file.path} changed while it was read; run again to read it"
            raise UnreadableFileError(file.capture, LandingError(text))


def _events_of(landing: LandingZone, file: ReadFile) -> Iterator[list[CapturedEvent]]:
    try:
        yield from captured_events(landing, file.capture.file)
    except LandingError as error:
        raise UnreadableFileError(file.capture, error) from error
