"""From files of Event Hubs Capture to bronze: every event once, with the key of the live stream.

A file is read twice: first its sequence numbers, to its end, so that a damaged file changes
nothing, then the events that bronze lacks. Each commit records which files were read.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from amazon_reviews.errors import FailedPartitionsError, HubChangedError, LandingError
from amazon_reviews.pipeline.bronze_events import compare_events, held_numbers, holds_rows
from amazon_reviews.pipeline.capture_events import (
    CapturedNumbers,
    captured_events,
    captured_numbers,
)
from amazon_reviews.pipeline.capture_files import (
    CaptureDay,
    CaptureFile,
    all_captures,
    unread_captures,
)
from amazon_reviews.pipeline.capture_rows import (
    HubPartition,
    ReadFile,
    UnreadableFileError,
    differ,
    new_rows,
)
from amazon_reviews.pipeline.sequence_numbers import Numbers
from amazon_reviews.pipeline.stream_commit import COMMIT_EVENTS, CommitFullError, write_events
from amazon_reviews.pipeline.stream_offsets import (
    captured_last_id,
    captured_span_ids,
    captures_id,
    offset_id,
)
from amazon_reviews.pipeline.stream_rows import event_rows
from amazon_reviews.resources.event_hub import EventHub, Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.schemas.built import new_version
from amazon_reviews.schemas.layers import BRONZE_REVIEW_EVENTS

_KEY = BRONZE_REVIEW_EVENTS.key
_COMMIT_FILES = 2_000
# Enough to tell two hubs apart; they are held in memory.
_COMPARED_EVENTS = 20


@dataclass
class Captured:
    """The files that were read, and the events that were new, by hub and partition."""

    files: int = 0
    events: dict[HubPartition, int] = field(default_factory=dict)


def damaged_captures(
    landing: LandingZone, lakehouse: Lakehouse, event_hub: EventHub
) -> Iterator[tuple[str, str]]:
    """Yield the path of each file whose events are no longer those that bronze has, and why.

    Files that were not read yet are left out.

    Raises:
        LandingError: the landing zone cannot be listed.
    """
    for day in all_captures(landing, lakehouse, event_hub).days:
        for capture in day.files[: day.read]:
            path = capture.file.path
            try:
                for events in captured_events(landing, capture.file):
                    rows = [*event_rows(day.hub, day.partition, events)]
                    if not holds_rows(lakehouse, day.hub, day.partition, rows):
                        yield path, "its events differ from those that were read"
                        break
            except LandingError as error:
                yield path, str(error).removeprefix(f"{path}: ").removeprefix(f"{path} ")


def read_captures(landing: LandingZone, lakehouse: Lakehouse, event_hub: EventHub) -> Captured:
    """Add the events of all new capture files to bronze, except those that it has already.

    Raises:
        FailedPartitionsError: at the end, for the files that could not be read (LandingError) or
            are of an earlier hub of the same name (HubChangedError); nothing of them was
            committed.
        LandingError: the landing zone cannot be listed.
        ConcurrentWriteError: another run read the same hub partitions meanwhile.
    """
    captures = unread_captures(landing, lakehouse, event_hub)
    if captures.days:
        lakehouse.ensure(_KEY)
    reader = _CaptureReader(landing, lakehouse, captures.days)
    reader.read()
    if reader.errors:
        raise FailedPartitionsError(reader.errors)
    return reader.captured


class _CaptureReader:
    """Reads files in the order of their events, several in a commit."""

    def __init__(
        self, landing: LandingZone, lakehouse: Lakehouse, days: Sequence[CaptureDay]
    ) -> None:
        self._landing = landing
        self._lakehouse = lakehouse
        self._days = {day.id: day for day in days}
        self._day_of = {file.name: day.id for day in days for file in day.unread}
        self._waiting = deque(file for day in days for file in day.unread)
        self._numbers: dict[str, ReadFile] = {}
        self._versions = self._committed_versions()
        self._done: set[str] = set()
        self.errors: dict[str, Exception] = {}
        self.captured = Captured()

    def read(self) -> None:
        """Read all files; those that failed are in `errors`."""
        max_events = COMMIT_EVENTS
        while files := self._next_files(max_events):
            try:
                self._commit(files, max_events)
            except CommitFullError as full:
                max_events = max(1, full.events // 2)
            except UnreadableFileError as unreadable:
                self._fail(unreadable.capture, unreadable.error)
            else:
                max_events = min(2 * max_events, COMMIT_EVENTS)

    def _next_files(self, max_events: int) -> list[ReadFile]:
        """Return the next files, with at least as many events if there are, without failed ones."""
        files: list[ReadFile] = []
        numbers: dict[HubPartition, Numbers] = {}
        events = 0
        for capture in [*self._waiting]:
            if events >= max_events or len(files) >= _COMMIT_FILES:
                break
            file = self._numbers.get(capture.name) or self._read_numbers(capture)
            if file is None:
                continue
            known = numbers.get(file.key, Numbers())
            if file.numbers & known and any(differ(earlier, file) for earlier in files):
                # It is compared with the events of the others when they are in bronze.
                break
            numbers[file.key] = known | file.numbers
            files.append(file)
            events += len(file.captured.numbers)
        return files

    def _read_numbers(self, capture: CaptureFile) -> ReadFile | None:
        try:
            captured = captured_numbers(self._landing, capture.file)
        except LandingError as error:
            self._fail(capture, error)
            return None
        file = ReadFile(capture, captured, Numbers.of(captured.numbers))
        self._numbers[capture.name] = file
        return file

    def _commit(self, files: list[ReadFile], max_events: int) -> None:
        """Commit the new events of files, at most `max_events`, and what was read to its end."""
        # Read before anything is decided, so that every later commit of another run is noticed.
        self._versions = self._committed_versions()
        chosen: dict[HubPartition, Numbers] = {}
        left: dict[HubPartition, Numbers] = {}
        for key, of_partition in _by_partition(files).items():
            held, usable = self._compare(key, of_partition)
            new = _union(file.numbers for file in usable) - held
            room = max_events - sum(map(len, chosen.values()))
            chosen[key] = new.lowest(room) if room > 0 else Numbers()
            left[key] = new - chosen[key]
        files = [file for file in files if file.capture.name not in self.errors]
        read = [file for file in files if not file.numbers & left[file.key]]
        chosen = {key: numbers for key, numbers in chosen.items() if numbers}
        done = {file.capture.name for file in read}
        versions = self._files_versions(done)
        if chosen:
            events, expected = self._event_versions(chosen)
            rows = new_rows(self._landing, files, chosen)
            write_events(self._lakehouse, rows, versions | events, expected)
        elif versions:
            self._lakehouse.record(_KEY, transaction_versions=versions)
        self._finish(read, chosen)

    def _finish(self, read: list[ReadFile], chosen: Mapping[HubPartition, Numbers]) -> None:
        self.captured.files += len(read)
        for key, numbers in chosen.items():
            self.captured.events[key] = self.captured.events.get(key, 0) + len(numbers)
        for file in read:
            self._done.add(file.capture.name)
            del self._numbers[file.capture.name]
        self._waiting = deque(
            capture for capture in self._waiting if capture.name not in self._done
        )

    def _compare(self, key: HubPartition, files: list[ReadFile]) -> tuple[Numbers, list[ReadFile]]:
        """Return the numbers that bronze holds, and the files whose events are of the same hub."""
        together = CapturedNumbers(
            np.concatenate([file.captured.numbers for file in files]),
            np.concatenate([file.captured.seconds for file in files]),
        )
        held, others = compare_events(self._lakehouse, *key, together)
        usable = []
        for file in files:
            suspect = (file.numbers & others).lowest(_COMPARED_EVENTS)
            if not suspect or self._holds(file, suspect):
                usable.append(file)
        return held, usable

    def _holds(self, file: ReadFile, numbers: Numbers) -> bool:
        """Return True if bronze has these events of a file; if not, the file failed."""
        try:
            rows = [batch for _, batch in new_rows(self._landing, [file], {file.key: numbers})]
        except UnreadableFileError as unreadable:
            self._fail(file.capture, unreadable.error)
            return False
        if holds_rows(self._lakehouse, *file.key, rows):
            return True
        self._fail(
            file.capture,
            HubChangedError(
                f"{file.capture.file.path} has events of another hub of the name {file.key[0]}: "
                "bronze/review_events has other events with the same sequence numbers. Nothing of "
                "it was read. Capture a hub that was created again under another name, or remove "
                "the file"
            ),
        )
        return False

    def _fail(self, capture: CaptureFile, error: Exception) -> None:
        self.errors[capture.name] = error
        self._numbers.pop(capture.name, None)
        self._waiting.remove(capture)

    def _files_versions(self, names: set[str]) -> dict[str, int]:
        """Return the versions that record files as read, up to the first unread one of each day."""
        versions = {}
        for day_id in {self._day_of[name] for name in names}:
            day = self._days[day_id]
            count = day.read
            while count < len(day.files) and day.files[count].name in names | self._done:
                count += 1
            if count > day.read:
                versions[day_id] = day.version(count)
        return versions

    def _event_versions(
        self, chosen: Mapping[HubPartition, Numbers]
    ) -> tuple[dict[str, int], dict[str, int | None]]:
        """Return the versions to commit with new events, and those that must still be there."""
        versions: dict[str, int] = {}
        expected: dict[str, int | None] = {}
        for (hub, partition), numbers in chosen.items():
            ids = captures_id(hub, partition), offset_id(hub, partition)
            expected[ids[0]], offset = map(self._versions.get, ids)
            versions[ids[0]] = new_version()
            first_id, until_id = captured_span_ids(hub, partition)
            last_id = captured_last_id(hub, partition)
            first, last = numbers.spans[0].first, numbers.spans[-1].last
            earlier = Span(self._versions.get(first_id, first), self._versions.get(until_id, -1))
            versions[first_id] = min(first, earlier.first)
            versions[last_id] = max(last, self._versions.get(last_id, last))
            if offset is None:
                known = numbers | Numbers.between(earlier.first, earlier.last)
                known |= self._held_after(hub, partition, earlier.last)
                versions[until_id] = known.spans[0].last
            elif last > offset:
                known = numbers | self._held_after(hub, partition, offset)
                versions[ids[1]] = known.end_of(offset + 1) or offset
            if offset is None or last > offset:
                # The live stream must not have read on meanwhile.
                expected[ids[1]] = offset
        return versions, expected

    def _held_after(self, hub: str, partition: str, number: int) -> Numbers:
        """Return the numbers of captured events after a number."""
        last = self._versions.get(captured_last_id(hub, partition), -1)
        return held_numbers(self._lakehouse, hub, partition, Span(number + 1, last))

    def _committed_versions(self) -> Mapping[str, int]:
        log = self._lakehouse.log(_KEY)
        return log.transactions if log else {}


def _by_partition(files: Iterable[ReadFile]) -> dict[HubPartition, list[ReadFile]]:
    grouped: dict[HubPartition, list[ReadFile]] = {}
    for file in files:
        grouped.setdefault(file.key, []).append(file)
    return grouped


def _union(sets: Iterable[Numbers]) -> Numbers:
    numbers = Numbers()
    for each in sets:
        numbers |= each
    return numbers
