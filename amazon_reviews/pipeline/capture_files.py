"""The files of Event Hubs Capture in the landing zone, and which of them bronze has not read.

Bronze records the read files of a hub partition and day as one transaction version: the number of
files read, and a hash of them. As new files come after the read ones, only the new ones are read.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from amazon_reviews.config import CAPTURE_NAMES
from amazon_reviews.errors import LandingError
from amazon_reviews.resources.capture_names import CapturePath, capture_path
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.layout import LandingFile
from amazon_reviews.resources.landing.names import natural_key
from amazon_reviews.resources.landing.zone import CAPTURE_FOLDER, CAPTURE_SUFFIX, LandingZone
from amazon_reviews.schemas.layers import BRONZE_REVIEW_EVENTS

_COUNT_BITS = 20
_HASH_BITS = 63 - _COUNT_BITS
_WRONG_PATH = (
    f"its path does not name hub, partition and time; set {CAPTURE_NAMES} to the file name format "
    "of Capture, or move it"
)


@dataclass(frozen=True)
class CaptureFile:
    """A capture file; `name` is its path below the folder of captures."""

    name: str
    file: LandingFile
    path: CapturePath


@dataclass(frozen=True)
class CaptureDay:
    """The files of a hub partition and day in the order of their time, the first `read` read."""

    hub: str
    partition: str
    day: str
    files: tuple[CaptureFile, ...]
    read: int = 0

    @property
    def id(self) -> str:
        """The transaction id under which bronze records the read files."""
        return f"{CAPTURE_FOLDER}/{self.hub}/{self.partition}/{self.day}"

    @property
    def unread(self) -> tuple[CaptureFile, ...]:
        """The files that bronze has not read."""
        return self.files[self.read :]

    def version(self, count: int) -> int:
        """Return the transaction version that says that the first `count` files are read."""
        digest = hashlib.sha256()
        for each in self.files[:count]:
            digest.update(f"{each.name}\0{each.file.size}\0{each.file.changed}\n".encode())
        return (int.from_bytes(digest.digest()[:8], "big") >> (64 - _HASH_BITS)) << _COUNT_BITS | (
            count
        )


@dataclass(frozen=True)
class Captures:
    """Days with files, and texts about files and folders that are not read."""

    days: tuple[CaptureDay, ...]
    faults: tuple[str, ...]

    @property
    def fingerprint(self) -> int:
        """A number that changes with the unread files."""
        versions = [(day.id, day.read, day.version(len(day.files))) for day in self.days]
        return int.from_bytes(hashlib.sha256(repr(versions).encode()).digest()[:8], "big") >> 1


def unread_captures(landing: LandingZone, lakehouse: Lakehouse, event_hub: EventHub) -> Captures:
    """Return the days with capture files that bronze has not read.

    Raises:
        LandingError: the landing zone cannot be listed.
    """
    captures = all_captures(landing, lakehouse, event_hub)
    return Captures(tuple(day for day in captures.days if day.unread), captures.faults)


def all_captures(landing: LandingZone, lakehouse: Lakehouse, event_hub: EventHub) -> Captures:
    """Return the capture files by hub partition and day, with which of them bronze has read.

    Raises:
        LandingError: the landing zone cannot be listed.
    """
    days: defaultdict[tuple[str, str, str], list[CaptureFile]] = defaultdict(list)
    wrong: list[str] = []
    faults = []
    for name, file in landing.captures():
        if isinstance(file, LandingError):
            faults.append(str(file))
        elif path := capture_path(
            name.removesuffix(CAPTURE_SUFFIX), event_hub.capture_names, event_hub.name
        ):
            capture = CaptureFile(name, file, path)
            days[path.hub, path.partition, path.day].append(capture)
        else:
            wrong.append(name)
    if wrong:
        faults.append(_not_read(wrong))
    return Captures(tuple(_days(lakehouse, days)), tuple(faults))


def _days(
    lakehouse: Lakehouse, days: Mapping[tuple[str, str, str], list[CaptureFile]]
) -> Iterator[CaptureDay]:
    log = lakehouse.log(BRONZE_REVIEW_EVENTS.key)
    recorded = log.transactions if log else {}
    for key in sorted(days, key=lambda each: (each[0], natural_key(each[1]), each[2])):
        files = sorted(days[key], key=lambda each: (each.path.time, each.name))
        day = CaptureDay(*key, tuple(files))
        version = recorded.get(day.id, 0)
        read = version & ((1 << _COUNT_BITS) - 1)
        if read <= len(files) and day.version(read) == version:
            day = CaptureDay(*key, tuple(files), read)
        yield day


def _not_read(names: list[str]) -> str:
    first = f"{CAPTURE_FOLDER}/{min(names)}"
    if len(names) == 1:
        return f"{first} is not read: {_WRONG_PATH}"
    return f"{len(names):,} files such as {first} are not read: {_WRONG_PATH}"
