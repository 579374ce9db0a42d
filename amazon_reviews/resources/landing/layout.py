"""Layout of a landing zone: files, partitions, and the files that a dataset reads."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from amazon_reviews.errors import LandingError
from amazon_reviews.resources.landing.names import (
    LONGEST_KEY,
    is_too_long,
    partition_key,
    partition_path,
)
from amazon_reviews.resources.landing.unmatched import Unmatched, UnmatchedFiles

EXTENSIONS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".parquet", ".avro")
"""The extensions of files of reviews and products, in any case."""

COMPRESSIONS = (".gz", ".zst", ".bz2")
"""The extensions that may follow one of `EXTENSIONS`."""

_STEM = re.compile(r"(?!.*\.\.\.)[A-Za-z0-9_.-]+")
_LONGEST_STEM = 200


@dataclass(frozen=True, slots=True)
class LandingFile:
    """A file of a partition; `size` is in bytes, `changed` differs between its versions.

    `identity` also differs if a file of the same size and time has replaced it; "" if unknown.
    """

    path: str
    name: str
    size: int
    changed: str
    identity: str = ""


@dataclass(frozen=True)
class LandingFolder:
    """A folder: of a listing of one level any folder, of a deep listing an empty one."""

    name: str


@dataclass(frozen=True)
class LandingPartition:
    """A landing partition with at least one file to read, its files ordered by name.

    `name` is the partition key. `profile_file` is the user-defined profile of the files: the one
    in their folder, else the one in the dataset's folder.
    """

    name: str
    files: tuple[LandingFile, ...]
    profile_file: LandingFile | None = None

    @property
    def fingerprint(self) -> int:
        """A 63-bit number that changes when a file is added, removed or uploaded again."""
        parts = [f"{file.name}\0{file.size}\0{file.changed}" for file in self.files]
        if profile := self.profile_file:
            parts.append(f"profile\0{profile.size}\0{profile.changed}")
        digest = hashlib.sha256("\n".join(parts).encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Layout:
    """The layout of a dataset's folder.

    Attributes:
        in_folders: True if a folder at any depth is a partition, and a file beside the folders is
            another. False if all files are side by side.
        reads: returns True if a file of this name belongs to the dataset.
        partition_of: returns the partition of a path below the dataset's folder, None without one.
        naming: rule for names of files, as texts for people quote it.
        extensions: the extensions, as texts for people quote them.
    """

    in_folders: bool
    reads: Callable[[str], bool]
    partition_of: Callable[[str], str | None]
    naming: str
    extensions: str


@dataclass(frozen=True)
class Listing:
    """The partitions of a dataset by key in natural order, and what is not read.

    Attributes:
        partitions: the partitions.
        unmatched: the files and folders that are not read.
        unreadable: the folders that cannot be listed, by partition key, each with the reason.
        profile_file: the user-defined profile of all partitions without one of their own.
        alike: paths of partitions that differ only in upper and lower case or in Unicode form.
    """

    partitions: dict[str, LandingPartition]
    unmatched: UnmatchedFiles
    unreadable: dict[str, LandingError]
    profile_file: LandingFile | None
    alike: list[str]

    def may_hold(self, name: str) -> bool:
        """Return True if a partition is there, or in a folder that cannot be listed."""
        if name in self.partitions or name in self.unreadable:
            return True
        path = partition_path(name)
        return any(path.startswith(f"{partition_path(up)}/") for up in self.unreadable)


def changed_while_read(path: str) -> LandingError:
    """Return the error for a file that is another one now than when it was listed."""
    return LandingError(
        f"{path} changed while it was read; nothing of its partition is taken, and the next run "
        "reads it again"
    )


def check_unchanged(before: LandingPartition, now: LandingPartition) -> None:
    """Raise LandingError if a file of a partition was added, removed, changed or replaced."""
    files = (
        {file.path: file for file in [*p.files, *filter(None, [p.profile_file])]}
        for p in (before, now)
    )
    old, new = files
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            raise changed_while_read(path)


def reads_records(name: str) -> bool:
    """Return True for the name of a file of reviews or products, by its extension."""
    stem = name.lower()
    for compression in COMPRESSIONS:
        stem = stem.removesuffix(compression) if stem.endswith(compression) else stem
    return stem.endswith(EXTENSIONS)


def reads_csv(name: str) -> bool:
    """Return True for the name of a CSV file, gzipped or not."""
    return name.removesuffix(".gz").endswith(".csv")


def record_partition(path: str) -> str | None:
    """Return the key of the partition with this path, None if it is too long."""
    key = partition_key(path)
    return None if is_too_long(key) else key


def file_partition(name: str) -> str | None:
    """Return the partition that consists of the file of this name, None if not allowed."""
    stem = name.removesuffix(".gz").rpartition(".")[0]
    return stem if _STEM.fullmatch(stem) and len(stem) <= _LONGEST_STEM else None


FOLDERS = Layout(
    in_folders=True,
    reads=reads_records,
    partition_of=record_partition,
    naming=f"whose path has at most {LONGEST_KEY} characters, other than A to Z percent-encoded",
    extensions=f"{', '.join(EXTENSIONS)}, also with {', '.join(COMPRESSIONS)}",
)
FILES = Layout(
    in_folders=False,
    reads=reads_csv,
    partition_of=file_partition,
    naming=f"of at most {_LONGEST_STEM} of the letters A to Z and a to z, digits, '-', '_' and "
    "'.', but not '...'",
    extensions=".csv, also with .gz",
)

Entry = LandingFile | LandingFolder | Unmatched | LandingError


class Files(Protocol):
    """Files of a landing zone in one kind of storage."""

    def list(self, folder: str, *, deep: bool = True) -> Iterator[tuple[str, Entry]]:
        """Yield what is below `folder`, each with the path of its own folder relative to `folder`.

        A deep listing yields files at any depth, else only those in `folder`. Names in `MARKERS`
        are left out with all below them. If a folder below cannot be listed, the error replaces
        all of its files; its path is then that of the folder.

        Raises:
            LandingError: `folder` itself cannot be listed.
        """

    def named(self, folder: str, names: Sequence[str]) -> Iterator[LandingFile]:
        """Yield those files of these names that are in a folder.

        Raises:
            LandingError: access is denied.
        """

    def open(self, file: LandingFile) -> BinaryIO:
        """Open a file for reading its bytes.

        Raises:
            LandingError: the file is gone or is another than the listed one, or access is denied;
                reading it may raise it too.
        """
