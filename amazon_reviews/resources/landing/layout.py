"""What a landing zone is made of: files, partitions, their names and order."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from amazon_reviews.errors import LandingError

# The folder of a partition in a table adds a few characters; most systems take 255.
_LONGEST_NAME = 200
# Dagster reads "a...b" as all partitions from a to b.
_STEM = re.compile(rf"(?!.*\.\.\.)[A-Za-z0-9_.-]{{1,{_LONGEST_NAME}}}")
_PREFIX = "partition_"
_SUFFIXES = (".json", ".csv")


@dataclass(frozen=True)
class LandingFile:
    """A file of a partition; `size` is in bytes, `changed` tells versions of it apart."""

    path: str
    name: str
    size: int
    changed: str


@dataclass(frozen=True)
class LandingPartition:
    """A folder with at least one file to read, files ordered by name."""

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
    """How a dataset lies in its folder.

    `suffix` ends the names of its files, before a further `.gz`. With `in_folders` a folder is a
    partition; else all files lie side by side, and `partition_of` says by the name of one whose
    it is, None where it is none's. `naming` tells people how to name a file.
    """

    suffix: str
    in_folders: bool
    partition_of: Callable[[str], str | None]
    naming: str

    def has(self, name: str) -> bool:
        """Whether a file of this name is one of the dataset's."""
        return readable(name) and name.removesuffix(".gz").endswith(self.suffix)


@dataclass(frozen=True)
class Listing:
    """The partitions of a dataset by name, and the files or folders that belong to none.

    `unreadable` are the partitions whose folder cannot be listed, each with the reason.
    """

    partitions: dict[str, LandingPartition]
    strays: list[str]
    unreadable: dict[str, LandingError]


def folder_partition(name: str) -> str | None:
    """The partition that a folder of this name is."""
    rest = name.removeprefix(_PREFIX)
    return name if rest != name and _STEM.fullmatch(rest) else None


def misnamed_folder(name: str) -> bool:
    """Return True if a folder is meant as a partition, but its name cannot be that of one."""
    return name.startswith(_PREFIX) and "/" not in name and not folder_partition(name)


def stem(name: str) -> str:
    """The name of a file without what tells its format."""
    return name.removesuffix(".gz").rpartition(".")[0]


def file_partition(name: str) -> str | None:
    """The partition that a file of this name is alone."""
    return stem(name) if _STEM.fullmatch(stem(name)) else None


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key with numbers by value: partition_2 before partition_10."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def natural_order(names: Iterable[str]) -> list[str]:
    """Partition names in their natural order."""
    return sorted(names, key=lambda name: (natural_key(name), name))


def readable(name: str) -> bool:
    """Whether a file of this name is to be read."""
    return name.removesuffix(".gz").endswith(_SUFFIXES) and name[0] not in "._"


_CHARACTERS = (
    f"at most {_LONGEST_NAME} of the letters A to Z and a to z, digits, '-', '_' and '.', but not "
    "'...'"
)
FOLDERS = Layout(".json", True, folder_partition, f"of {_PREFIX} and {_CHARACTERS}")
FILES = Layout(".csv", False, file_partition, f"of {_CHARACTERS}")


class Files(Protocol):
    """Where the files lie."""

    def list(self, folder: str) -> Iterator[tuple[str, LandingFile | LandingError]]:
        """Files to read below `folder`, each with its own folder as seen from there.

        At least those in it (their folder is "") and in the folders directly below it. For a
        folder below it that cannot be listed, the error is given in the place of its files.

        Raises:
            LandingError: `folder` itself cannot be listed.
        """

    def open(self, file: LandingFile) -> BinaryIO:
        """Open a file for reading its bytes.

        Raises:
            LandingError: the file is gone, or may not be read; reading it may raise it too.
        """
