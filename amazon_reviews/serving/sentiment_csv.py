"""A CSV file of texts, and the same with what the sentiment model says about each."""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from amazon_reviews.errors import InputFileError
from amazon_reviews.models.sentiment.texts import unusable_reason

if TYPE_CHECKING:
    from amazon_reviews.models.sentiment.classifier import SentimentClassifier

_ROWS = 5_000
_LONGEST_FIELD = 1 << 30
_ADDED = ("label", "probability", "reason")


class JudgedFile(NamedTuple):
    """Rows that were judged and refused, and the places of the columns of text and label."""

    judged: int
    refused: int
    text: int
    label: int


def predict_csv(
    model: "SentimentClassifier",
    source: Path,
    out: Path,
    advance: Callable[[int], None] = lambda rows: None,
    name: str | None = None,
) -> JudgedFile:
    """Write the rows of `source` with label, probability and reason added.

    `advance` is told how many rows are done, now and then. Errors call the source `name`, which
    is its path unless another one is given.
    `out` is written as a whole or not at all, and may be `source`. A column of `source` that is
    called as one of the new ones keeps its name; the new one's then begins with `sentiment_`.

    Raises:
        InputFileError: a file cannot be read or written, has no column `text`, or a bad row.
    """
    name = name or str(source)
    rows = _rows(source, name)
    header = next(rows, [])
    text = _text_column(header, name)
    part = out.with_name(f"{out.name}.part")
    judged = total = 0
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*header, *(_free(name, header) for name in _ADDED)])
            while chunk := list(islice(rows, _ROWS)):
                added = _judged(model, [row[text] for row in chunk])
                writer.writerows([*row, *new] for row, new in zip(chunk, added, strict=True))
                judged += sum(not reason for *_, reason in added)
                total += len(chunk)
                advance(total)
        os.replace(part, out)
    except OSError as error:
        raise InputFileError(f"{out} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return JudgedFile(judged, total - judged, text, len(header))


def _judged(model: "SentimentClassifier", texts: Sequence[str]) -> list[tuple[str, str, str]]:
    """Label, probability and reason of each text."""
    reasons = [unusable_reason(text) for text in texts]
    known = [text for text, reason in zip(texts, reasons, strict=True) if reason is None]
    chances = model.predict_proba(known, "binary")
    labels = model.task_classes("binary")[chances.argmax(axis=1)]
    found = zip(labels.tolist(), chances.max(axis=1).tolist(), strict=True)
    answers = ((label, f"{chance:.4f}", "") for label, chance in found)
    return [next(answers) if reason is None else ("", "", reason) for reason in reasons]


def _text_column(header: Sequence[str], source: str) -> int:
    names = [name.strip().lower() for name in header]
    if "text" not in names:
        found = ", ".join(header) or "nothing"
        raise InputFileError(f"{source} has no column text in its first line, only: {found}")
    return names.index("text")


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"sentiment_{name}"
    return name


def _rows(source: Path, name: str) -> Iterator[list[str]]:
    """The rows, the header first, each of as many fields; empty lines are left out."""
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(_lines(source, name))
    fields = 0
    try:
        for row in filter(None, reader):
            fields = fields or len(row)
            if len(row) != fields:
                raise InputFileError(
                    f"{name}, line {reader.line_num}: {len(row)} fields, the first line has "
                    f"{fields}"
                )
            yield row
    except csv.Error as error:
        raise InputFileError(f"{name}, line {reader.line_num}: {error}") from None


def _lines(source: Path, name: str) -> Iterator[str]:
    number = 0
    try:
        with source.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise InputFileError(f"{name}, line {number} is not UTF-8") from None
    except OSError as error:
        raise InputFileError(f"{name} cannot be read: {error.strerror}") from None
