"""Layout of a landing zone: files, partitions, their names and order."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from amazon_reviews.errors import LandingError

# A table's folder of the partition adds a few characters; most file systems allow 255.
_LONGEST_NAME = 200
# Dagster reads "a...b" as all partitions from a to b.
_STEM = re.compile(rf"(?!.*\.\.\.)[A-Za-z0-9_.-]{{1,{_LONGEST_NAME}}}")
_PREFIX = "partition_"
_SUFFIXES = (".json", ".csv")


@dataclass(frozen=True)
class LandingFile:
    """A file of a partition; `size` is in bytes, `changed` differs between its versions."""

    path: str
    name: str
    size: int
    changed: str


@dataclass(frozen=True)
class LandingPartition:
    """A landing partition with at least one file to read, its files ordered by name."""

    name: str
    files: tuple[LandingFile, ...]

    @property
    def fingerprint(self) -> int:
        """A 63-bit number that changes when a file is added, removed or uploaded again."""
        parts = [f"{file.name}\0{file.size}\0{file.changed}" for file in self.files]
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
        suffix: end of the names of its files, before an optional `.gz`.
        in_folders: True if each folder is a partition, False if all files are side by side.
        partition_of: returns the partition of a folder or file by its name, None without one.
        naming: rule for names, as error texts quote it.
    """

    suffix: str
    in_folders: bool
    partition_of: Callable[[str], str | None]
    naming: str

    def has(self, name: str) -> bool:
        """Return True if a file of this name belongs to the dataset."""
        return readable(name) and name.removesuffix(".gz").endswith(self.suffix)


@dataclass(frozen=True)
class Listing:
    """The partitions of a dataset by name, and the unmatched files and folders.

    `unreadable` holds the partitions whose folder cannot be listed, each with the reason.
    """

    partitions: dict[str, LandingPartition]
    unmatched: list[str]
    unreadable: dict[str, LandingError]


def folder_partition(name: str) -> str | None:
    """Return the partition of a folder with this name, None if the name is not allowed."""
    rest = name.removeprefix(_PREFIX)
    return name if rest != name and _STEM.fullmatch(rest) else None


def misnamed_folder(name: str) -> bool:
    """Return True if a folder is meant as a partition, but its name is not allowed."""
    return name.startswith(_PREFIX) and "/" not in name and not folder_partition(name)


def stem(name: str) -> str:
    """Return the name of a file without its extensions."""
    return name.removesuffix(".gz").rpartition(".")[0]


def file_partition(name: str) -> str | None:
    """Return the partition that consists of the file of this name, None if not allowed."""
    return stem(name) if _STEM.fullmatch(stem(name)) else None


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key with numbers by value: partition_2 before partition_10."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def natural_order(names: Iterable[str]) -> list[str]:
    """Return partition names in their natural order."""
    return sorted(names, key=lambda name: (natural_key(name), name))


def readable(name: str) -> bool:
    """Return True if a file of this name is to be read."""
    return name.removesuffix(".gz").endswith(_SUFFIXES) and name[0] not in "._"


_CHARACTERS = (
    f"at most {_LONGEST_NAME} of the letters A to Z and a to z, digits, '-', '_' and '.', but not "
    "'...'"
)
FOLDERS = Layout(".json", True, folder_partition, f"of {_PREFIX} and {_CHARACTERS}")
FILES = Layout(".csv", False, file_partition, f"of {_CHARACTERS}")


class Files(Protocol):
    """Files of a landing zone in one kind of storage."""

    def list(self, folder: str) -> Iterator[tuple[str, LandingFile | LandingError]]:
        """Yield the files to read below `folder`, each with its path relative to `folder`.

        At least those in `folder` (their path is "") and in the folders directly below it. If a
        folder below cannot be listed, the error replaces its files.

        Raises:
            LandingError: `folder` itself cannot be listed.
        """

    def open(self, file: LandingFile) -> BinaryIO:
        """Open a file for reading its bytes.

        Raises:
            LandingError: the file is gone, or access is denied; reading it may raise it too.
        """
