"""The sentiment model: learned from gold, measured on users it does not know, kept if no worse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import Metrics
from amazon_reviews.models.sentiment.examples import COLUMNS, Examples
from amazon_reviews.models.sentiment.explanation import StrongWords, strongest_words
from amazon_reviews.models.sentiment.measuring import Comparison, answers, compare
from amazon_reviews.models.sentiment.splits import by_user
from amazon_reviews.models.sentiment.storage import ModelFileError, load, model_version, save
from amazon_reviews.models.sentiment.tasks import LEFT_OUT, TASKS
from amazon_reviews.resources.lakehouse import Lakehouse

SEED = 0
"""Of the users that are held out, and of all that the model draws; always the same."""
TEST_SHARE = 0.2
FEWEST_REVIEWS = 200
"""Reviews of 1, 2, 4 or 5 stars without which nothing is learned."""

_REVIEWS = "gold/reviews"
_BINARY = TASKS["binary"]
_BATCH_ROWS = 8_192
_JOBS = 2  # always, as the version names it
_NAMED_ROWS = 20_000
_STRONGEST = 15


class TooFewReviewsError(Exception):
    """There is too little to learn from; the text says what there is."""


@dataclass(frozen=True)
class Trained:
    """A model that was trained: on what, how good, and whether it is the one in use now.

    `rows` are the reviews it learned from, `delta_version` is that of gold/reviews, `comparison`
    is None where there was no model before.
    """

    model_version: str
    delta_version: int
    rows: int
    metrics: Metrics
    comparison: Comparison | None
    strongest: list[StrongWords]
    in_use: bool


def train(lakehouse: Lakehouse, path: Path) -> Trained:
    """Learn from gold/reviews, and put the model at `path` unless the one there is clearly better.

    A fifth of the users, always the same ones, is held out; both models are measured on their
    reviews.

    Raises:
        TooFewReviewsError: there is too little to learn from; `path` is as it was.
    """
    table = _learnable(lakehouse)
    model = SentimentClassifier(jobs=_JOBS, seed=SEED)
    model.fit(_examples(table, test=False))
    found = answers(model, _examples(table, test=True), _BINARY)
    comparison = None
    if old := _loaded(path):
        comparison = compare(found, answers(old, _examples(table, test=True), _BINARY))
    in_use = comparison is None or comparison.not_worse
    if in_use:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(model, path)
    return Trained(
        model_version=model_version(model),
        delta_version=table.version(),
        rows=model.rows_,
        metrics=found.metrics(),
        comparison=comparison,
        strongest=strongest_words(model, _some(table), most=_STRONGEST),
        in_use=in_use,
    )


def _learnable(lakehouse: Lakehouse) -> DeltaTable:
    """The reviews, where enough of the users that are learned from are of both classes."""
    if not lakehouse.exists(_REVIEWS):
        raise TooFewReviewsError(f"{_REVIEWS} is not there")
    table = lakehouse.delta(_REVIEWS)
    counts = np.zeros(2, np.int64)
    for chunk in _examples(table, test=False, columns=("overall", "reviewer_id")):
        labels = _BINARY.labels(chunk.stars)
        counts += np.bincount(labels[labels != LEFT_OUT], minlength=2)
    if counts.sum() < FEWEST_REVIEWS or not counts.all():
        raise TooFewReviewsError(
            f"{counts[0]:,} negative and {counts[1]:,} positive reviews to learn from; it takes "
            f"{FEWEST_REVIEWS}, and both kinds"
        )
    return table


def _examples(
    table: DeltaTable, *, test: bool, columns: Sequence[str] = COLUMNS
) -> Iterator[Examples]:
    """Reviews of the users that are held out, or of the others, a few thousand at a time."""
    for batch in _batches(table, columns):
        examples = Examples.from_arrow(batch)
        split = by_user(examples.users, TEST_SHARE, SEED)
        yield examples.where(split.test if test else split.train)


def _batches(table: DeltaTable, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    dataset = table.to_pyarrow_dataset()
    yield from dataset.to_batches(
        columns=list(columns), batch_size=_BATCH_ROWS, batch_readahead=2, fragment_readahead=1
    )


def _some(table: DeltaTable) -> Examples:
    dataset = table.to_pyarrow_dataset()
    return Examples.from_arrow(dataset.head(_NAMED_ROWS, columns=list(COLUMNS)))


def _loaded(path: Path) -> SentimentClassifier | None:
    """The model in use; a file that cannot be read is none, and is replaced."""
    try:
        return load(path)
    except (FileNotFoundError, ModelFileError):
        return None
