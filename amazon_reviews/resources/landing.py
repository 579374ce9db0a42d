"""The landing zone: folders of files as they were uploaded.

Layout: `<dataset>/partition_N/*.json[.gz]`. A folder is a partition. Names that begin with
a dot or an underscore are uploads in progress or markers, and are not read.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import dagster as dg
from pydantic import Field

_PARTITION_NAME = re.compile(r"partition_[A-Za-z0-9_.-]+")
_SUFFIXES = (".json", ".json.gz")


class LandingError(Exception):
    """A landing folder or file that cannot be read; the text names it and what to do."""


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


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key with numbers by value: partition_2 before partition_10."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def natural_order(names: Iterable[str]) -> list[str]:
    """Partition names in their natural order."""
    return sorted(names, key=lambda name: (natural_key(name), name))


class LandingZone(dg.ConfigurableResource[Any]):
    """A landing zone in a local folder."""

    location: str = Field(description="folder that holds the datasets")

    def partitions(self, dataset: str) -> dict[str, LandingPartition]:
        """The partitions of `dataset` that hold files, by name in natural order.

        Raises:
            LandingError: the location or the dataset's folder is not a folder.
        """
        folder = Path(self.location) / dataset
        if not folder.exists():
            return {}
        if not folder.is_dir():
            raise LandingError(f"{folder} is not a folder; AMAZON_REVIEWS_LANDING must hold one")
        names = [path.name for path in folder.iterdir() if _PARTITION_NAME.fullmatch(path.name)]
        found = (_list_partition(folder / name) for name in natural_order(names))
        return {partition.name: partition for partition in found if partition.files}

    def partition(self, dataset: str, name: str) -> LandingPartition:
        """One partition as it lies there now.

        Raises:
            LandingError: the folder is not there or holds no file to read.
        """
        folder = Path(self.location) / dataset / name
        partition = _list_partition(folder)
        if not partition.files:
            raise LandingError(
                f"{folder} holds no file ending in .json or .json.gz; "
                "upload the partition's files, or leave its rows as they are"
            )
        return partition

    def open(self, file: LandingFile) -> BinaryIO:
        """Open a file for reading its bytes.

        Raises:
            LandingError: the file is gone, or may not be read.
        """
        try:
            return Path(file.path).open("rb")
        except OSError as error:
            raise LandingError(f"{file.path} cannot be opened ({error}); upload again") from error


def _list_partition(folder: Path) -> LandingPartition:
    if not folder.is_dir():
        return LandingPartition(folder.name, ())
    files = [
        LandingFile(str(path), path.name, stat.st_size, str(stat.st_mtime_ns))
        for path in sorted(folder.iterdir())
        if path.name.endswith(_SUFFIXES) and path.name[0] not in "._" and path.is_file()
        for stat in (path.stat(),)
    ]
    return LandingPartition(folder.name, tuple(files))
