"""Ratings that are split already: `X.train.csv`, `X.valid.csv` and `X.test.csv`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from amazon_reviews.errors import InputFileError, UsageError
from amazon_reviews.models.recommender.held_out import HeldOut, held_out, joined
from amazon_reviews.serving.rating_files import read_ratings

_PART = re.compile(r"(?P<name>.+)\.(?P<part>train|valid|test)\.csv(\.(gz|zst|bz2))?", re.IGNORECASE)
_PARTS = ("train", "valid", "test")


class SplitFiles(NamedTuple):
    """The three splits of some files, and a sentence about each file."""

    splits: HeldOut
    summaries: list[str]


def part_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files of training, validation and test among these files, or in this folder.

    Raises:
        UsageError: a part is missing, or there are several files of one part.
    """
    files = _files_of(paths[0]) if len(paths) == 1 else list(paths)
    by_part: dict[str, list[Path]] = {part: [] for part in _PARTS}
    for file in files:
        match = _PART.fullmatch(file.name)
        if not match and len(paths) > 1:
            raise UsageError(
                f"{file} is not named X.train.csv, X.valid.csv or X.test.csv; give one file of "
                "ratings, or the three files of a split"
            )
        if match:
            by_part[match["part"].lower()].append(file)
    for part, named in by_part.items():
        if len(named) != 1:
            seen = ", ".join(str(file) for file in sorted(named)) or "none"
            where = f" in {paths[0]}" if len(paths) == 1 else ""
            raise UsageError(f"one file *.{part}.csv is needed{where}, there is: {seen}")
    parts = [by_part[part][0] for part in _PARTS]
    if (
        len(
            {
                file.name.lower().split(f".{part}.")[0]
                for file, part in zip(parts, _PARTS, strict=True)
            }
        )
        > 1
    ):
        raise UsageError(f"{', '.join(map(str, parts))} are not parts of the same ratings")
    return parts


def read_split_files(files: Sequence[Path], columns: Sequence[str] | None = None) -> SplitFiles:
    """Read the files of training, validation and test, in this order, and use them as they are.

    Raises:
        InputFileError: a file cannot be used.
        SplitError: nothing is left for training or test.
    """
    parts = [read_ratings(file, columns) for file in files]
    interactions, places = joined([part.interactions for part in parts])
    repeated = sum(len(part.interactions) for part in parts) - len(interactions)
    summaries = [part.summary for part in parts]
    if repeated:
        summaries.append(f"{repeated:,} left out: user and item are in an earlier file too")
    return SplitFiles(held_out(interactions, places), summaries)


def _files_of(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.is_file()]
    except OSError as error:
        raise InputFileError(f"{folder} cannot be read: {error.strerror or error}") from None
