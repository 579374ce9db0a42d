"""A CSV file of texts, and a copy of it with what the sentiment model predicts of each."""

import errno
import io
import os
from collections.abc import Callable, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from amazon_reviews.atomic_file import replacing
from amazon_reviews.errors import InputFileError
from amazon_reviews.models.sentiment.texts import unusable_reason
from amazon_reviews.schemas.vocabulary import NEGATIVE, POSITIVE
from amazon_reviews.serving.input_files import CsvFile, read_csv
from amazon_reviews.shown_text import write_csv

if TYPE_CHECKING:
    from amazon_reviews.models.sentiment.classifier import SentimentClassifier

_ROWS_AT_ONCE = 5_000
_ADDED = ("label", "probability", "sentiment", "stars", "reason")


class LabelledFile(NamedTuple):
    """Numbers of labelled and rejected rows, and the places of three columns of the copy."""

    labelled: int
    rejected: int
    text: int
    sentiment: int
    stars: int


def predict_csv(
    model: "SentimentClassifier",
    source: Path,
    out: Path,
    advance: Callable[[int], None] = lambda rows: None,
    name: str | None = None,
) -> LabelledFile:
    """Write the rows of `source` to `out` with a judgement of their text, or a rejection reason.

    `label` is positive or negative, with its `probability`; `sentiment` may be neutral too, and
    `stars` are the most probable ones. They agree with each other.
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
    sentiment, stars = (len(file.header) + _ADDED.index(name) for name in ("sentiment", "stars"))
    return LabelledFile(labelled, total - labelled, file.places[0], sentiment, stars)


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


def _labels(model: "SentimentClassifier", texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the added columns of each text."""
    # Here because it loads scikit-learn, which takes seconds: see model_cache.
    from amazon_reviews.models.sentiment.judgement import Judgements

    reasons = [unusable_reason(text) for text in texts]
    usable = [text for text, reason in zip(texts, reasons, strict=True) if reason is None]
    judgements = Judgements.of(model, model.scores(usable))
    rows = (
        (*_label(positive), sentiment, str(stars), "")
        for positive, sentiment, stars in zip(
            judgements.positive.tolist(),
            judgements.sentiments.tolist(),
            judgements.likely_stars.tolist(),
            strict=True,
        )
    )
    return [next(rows) if reason is None else ("", "", "", "", reason) for reason in reasons]


def _label(positive: float) -> tuple[str, str]:
    """Return the more probable of negative and positive, and its probability."""
    label, probability = max((NEGATIVE, 1 - positive), (POSITIVE, positive), key=itemgetter(1))
    return label, f"{probability:.4f}"


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"sentiment_{name}"
    return name
