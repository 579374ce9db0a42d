"""A CSV file of texts, and a copy of it with the label that the sentiment model predicts."""

import errno
import io
import os
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from amazon_reviews.atomic_file import replacing
from amazon_reviews.errors import InputFileError
from amazon_reviews.models.sentiment.texts import unusable_reason
from amazon_reviews.serving.input_files import CsvFile, read_csv
from amazon_reviews.shown_text import write_csv

if TYPE_CHECKING:
    from amazon_reviews.models.sentiment.classifier import SentimentClassifier

_ROWS_AT_ONCE = 5_000
_ADDED = ("label", "probability", "reason")


class LabelledFile(NamedTuple):
    """Numbers of labelled and rejected rows, and the places of the columns of text and label."""

    labelled: int
    rejected: int
    text: int
    label: int


def predict_csv(
    model: "SentimentClassifier",
    source: Path,
    out: Path,
    advance: Callable[[int], None] = lambda rows: None,
    name: str | None = None,
) -> LabelledFile:
    """Write the rows of `source` to `out` with a label, its probability, or a rejection reason.

    A cell that a spreadsheet would compute gets an apostrophe; control characters become escapes.
    `advance` is called with the number of rows that are done. Errors call the source `name`, or
    else by its path. `out` is written completely or not; it may be `source`. A new column whose
    name is taken gets the prefix `sentiment_`.

    Raises:
        InputFileError: a file cannot be read or written, has no column `text`, or has a bad row.
    """
    file = read_csv(source, ["text"], name)
    try:
        # A wrong folder is more likely a typing error than a folder to create.
        if not out.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        with replacing(out) as target:
            text = io.TextIOWrapper(target, encoding="utf-8", newline="")
            labelled, total = _write_labels(model, file, text, advance)
            text.detach()
    except OSError as error:
        raise InputFileError(f"{out} cannot be written: {error.strerror}") from None
    return LabelledFile(labelled, total - labelled, file.places[0], len(file.header))


def _write_labels(
    model: "SentimentClassifier",
    file: CsvFile,
    out: io.TextIOWrapper,
    advance: Callable[[int], None],
) -> tuple[int, int]:
    """Write all rows; return the number of labelled rows and of all rows."""
    write_csv(out, [[*file.header, *(_free_name(name, file.header) for name in _ADDED)]])
    (text,) = file.places
    labelled = total = 0
    while rows := [row for _, row in islice(file.rows, _ROWS_AT_ONCE)]:
        added = _labels(model, [row[text] for row in rows])
        write_csv(out, ([*row, *new] for row, new in zip(rows, added, strict=True)))
        labelled += sum(not reason for *_, reason in added)
        total += len(rows)
        advance(total)
    return labelled, total


def _labels(model: "SentimentClassifier", texts: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return label, probability and rejection reason of each text."""
    reasons = [unusable_reason(text) for text in texts]
    usable = [text for text, reason in zip(texts, reasons, strict=True) if reason is None]
    probabilities = model.predict_proba(usable, "binary")
    labels = model.task_classes("binary")[probabilities.argmax(axis=1)].tolist()
    predicted = zip(labels, probabilities.max(axis=1).tolist(), strict=True)
    rows = ((label, f"{probability:.4f}", "") for label, probability in predicted)
    return [next(rows) if reason is None else ("", "", reason) for reason in reasons]


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"sentiment_{name}"
    return name
