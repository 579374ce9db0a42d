"""Files of a sample: part files, and a tree that appears as a whole or not at all."""

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from amazon_reviews.devtools.sample_data.draws import spans
from amazon_reviews.devtools.sample_data.options import SampleOptions

TRUTH = "truth.json"
STAGING = ".sample.tmp"
FOLDERS = ("amazon_reviews", "amazon_metadata", "events", "titles", "title_ratings")
COMPRESSION_LEVEL = 1
ENDINGS = ("\n", "\n\n", "\n", "")  # how a part file ends: the source's files differ, too


class PartFile:
    """One part file of JSON lines, closed with one of ENDINGS."""

    def __init__(self, path: Path, ending: str, compress: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._raw = path.open("wb")
        self._file: BinaryIO | gzip.GzipFile = self._raw
        if compress:
            self._file = gzip.GzipFile("", "wb", COMPRESSION_LEVEL, self._raw, mtime=0)
        self._ending = ending
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
        """Append lines. Lone surrogates are written as the bytes they stand for."""
        text = "\n".join(lines)
        if not text:
            return
        separator = "" if self._empty else "\n"
        self._file.write(f"{separator}{text}".encode("utf-8", "surrogateescape"))
        self._empty = False


@dataclass(frozen=True)
class Part:
    """One part file to be: its items [start, stop), where it lies, and how it is written.

    style alternates between 0 and 1, so that neighbouring files differ in their way of writing.
    """

    start: int
    stop: int
    path: Path
    style: int
    ending: str


def parts(
    options: SampleOptions, out: Path, folder: str, partition: int, span: tuple[int, int]
) -> list[Part]:
    """The part files that the items [span[0], span[1]) of a partition are spread over."""
    start, stop = span
    count = min(options.files_per_partition, stop - start)
    place = out / folder / f"partition_{partition}"
    return [
        Part(
            start + first,
            start + last,
            place / _part_name(options, folder, partition, number),
            (partition + number) % 2,
            ENDINGS[(partition + number) % len(ENDINGS)],
        )
        for number, (first, last) in enumerate(spans(stop - start, count))
    ]


@contextmanager
def replaced_tree(out: Path) -> Iterator[Path]:
    """A staging folder whose contents take the place of the sample in `out` on success.

    Raises FileExistsError when `out` holds folders of these names that no sample made.
    """
    _refuse_foreign(out)
    staging = out / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        _move_in(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_truth(path: Path, truth: dict[str, Any]) -> None:
    """The truth as readable JSON."""
    path.write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")


def _move_in(staging: Path, out: Path) -> None:
    for folder in FOLDERS:
        if (out / folder).exists():
            os.replace(out / folder, staging / f"{folder}.old")
        if (staging / folder).exists():
            os.replace(staging / folder, out / folder)
    os.replace(staging / TRUTH, out / TRUTH)


def _refuse_foreign(out: Path) -> None:
    filled = [folder for folder in FOLDERS if _names(out / folder)]
    if not filled:
        return
    made = _made_by_sample(out / TRUTH)
    for folder in filled:
        foreign = sorted(_names(out / folder) - made.get(folder, set()))
        if foreign:
            raise FileExistsError(
                f"{out / folder} holds {foreign[0]}, which no sample made: choose an empty folder"
            )


def _made_by_sample(path: Path) -> dict[str, set[str]]:
    """Names in each folder that a truth file accounts for; nothing when there is none."""
    try:
        truth = json.loads(path.read_text(encoding="utf-8"))
        return {
            "amazon_reviews": set(truth["reviews"]),
            "amazon_metadata": set(truth["products"]),
            "events": {"events.jsonl"},
            "titles": set(truth.get("files", {}).get("titles", ())),
            "title_ratings": set(truth.get("files", {}).get("title_ratings", ())),
        }
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return {}


def _part_name(options: SampleOptions, folder: str, partition: int, number: int) -> str:
    """`part-00000-<hex>-c000.json.gz`, as a cluster names its files."""
    words = f"{options.seed}/{folder}/{partition}/{number}".encode()
    suffix = "json.gz" if options.compress else "json"
    return f"part-{number:05d}-{hashlib.blake2b(words, digest_size=16).hexdigest()}-c000.{suffix}"


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
