"""Files of a sample: part files, and a folder that is replaced completely or not."""

import fcntl
import gzip
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from amazon_reviews.devtools.sample_data.draws import spans
from amazon_reviews.devtools.sample_data.truth import TRUTH, files_of_sample

STAGING = ".sample.tmp"
FOLDERS = ("amazon_reviews", "amazon_metadata", "events", "titles", "title_ratings")
COMPRESSION_LEVEL = 1
ENDINGS = ("\n", "\n\n", "\n", "")  # the files of the source end in different ways too


class PartFile:
    """A part file of records, compressed if its name ends in .gz, with one of ENDINGS at its end.

    `newline` separates the records, and replaces the newlines of the ending.
    """

    def __init__(self, path: Path, ending: str, newline: str = "\n") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._raw = path.open("wb")
        self._file: BinaryIO | gzip.GzipFile = self._raw
        if path.suffix == ".gz":
            self._file = gzip.GzipFile("", "wb", COMPRESSION_LEVEL, self._raw, mtime=0)
        self._ending = ending.replace("\n", newline)
        self._newline = newline
        self._empty = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        try:
            if not self._empty:
                self._file.write(self._ending.encode())
            self._file.close()
        finally:
            self._raw.close()

    def write(self, lines: Iterable[str]) -> None:
        """Append records; lone surrogates are written as the bytes that they represent."""
        text = self._newline.join(lines)
        if not text:
            return
        separator = "" if self._empty else self._newline
        self._file.write(f"{separator}{text}".encode("utf-8", "surrogateescape"))
        self._empty = False


@dataclass(frozen=True)
class Part:
    """The plan of a part file: its items [start, stop), path, variant and ending.

    `style` is the number of the variant. It alternates, so that neighbouring files differ.
    """

    start: int
    stop: int
    path: Path
    style: int
    ending: str


def parts(place: Path, partition: int, span: tuple[int, int], names: Sequence[str]) -> list[Part]:
    """Distribute the items [span[0], span[1]) of a partition over files with at most `names`.

    Args:
        place: Folder of the partition.
        partition: Number of the partition, from 1.
        span: First item, and the one after the last.
        names: Names of the files.
    """
    start, stop = span
    count = min(len(names), stop - start)
    return [
        Part(
            start + first,
            start + last,
            place / names[number],
            (partition + number) % 2,
            ENDINGS[(partition + number) % len(ENDINGS)],
        )
        for number, (first, last) in enumerate(spans(stop - start, count))
    ]


@contextmanager
def replaced_tree(out: Path, *, only_empty: bool = False) -> Iterator[Path]:
    """Yield a staging folder that replaces the sample in `out` on success.

    Processes take turns. A replacement that was killed half way is completed first.

    Raises:
        FileExistsError: `out` has folders of a sample with files that are not part of one, or
            anything with `only_empty`.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        staging = out / STAGING
        _complete(staging, out)
        shutil.rmtree(staging, ignore_errors=True)
        if only_empty and any(out.iterdir()):
            raise FileExistsError(f"{out} is not empty")
        _check_owned(out)
        staging.mkdir()
        try:
            yield staging
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        _complete(staging, out)
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # The kernel releases the lock of a process that is killed.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def file_names(folder: Path) -> list[str]:
    """Return the sorted names of the files in a folder, which may be missing."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _complete(staging: Path, out: Path) -> None:
    """Move a complete staged sample into `out`; goes on where a killed process stopped."""
    if not (staging / TRUTH).exists():
        return
    for folder in FOLDERS:
        old = staging / f"{folder}.old"
        if (out / folder).exists() and not old.exists():
            os.replace(out / folder, old)
        # Without an old folder too, so that the new one is not taken for old.
        old.mkdir(exist_ok=True)
        if (staging / folder).exists():
            os.replace(staging / folder, out / folder)
    os.replace(staging / TRUTH, out / TRUTH)


def _check_owned(out: Path) -> None:
    sample_files = files_of_sample(out / TRUTH)
    for folder in FOLDERS:
        foreign = [
            name for name in file_names(out / folder) if name not in sample_files.get(folder, set())
        ]
        if foreign:
            raise FileExistsError(
                f"{out / folder} contains {foreign[0]}, which is not part of a sample: "
                "choose an empty folder"
            )
