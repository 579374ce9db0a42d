"""The sentiment model: learned from the examples, and put in use where it is better."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from amazon_reviews.errors import ModelFileError, TooFewReviewsError
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.models.minimums import FEWEST_REVIEWS
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.compare import Comparison, answers, compare
from amazon_reviews.models.sentiment.evaluation import Metrics
from amazon_reviews.models.sentiment.explanation import StrongWords, strongest_words
from amazon_reviews.models.sentiment.storage import load, model_version, save
from amazon_reviews.models.sentiment.tasks import LEFT_OUT, TASKS
from amazon_reviews.pipeline.sentiment.example_table import SEED, TEST_SHARE, read_examples
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore, Record, StoredModel
from amazon_reviews.schemas.sentiment import SENTIMENT_EXAMPLES

MODEL = "sentiment"

_BINARY = TASKS["binary"]
_log = logging.getLogger(__name__)
_JOBS = 2  # always, as the version names it
_STRONGEST = 15


@dataclass(frozen=True)
class Trained:
    """A model that was trained: on what, how good, and whether it is the one in use now.

    `rows` are the examples it learned from, `comparison` is None where there was no model before.
    """

    model_version: str
    stored: StoredModel
    parameters: Mapping[str, str | int | float]
    rows: int
    metrics: Metrics
    comparison: Comparison | None
    strongest: list[StrongWords]
    in_use: bool


def train(lakehouse: Lakehouse, store: ModelStore, balance: str = "weights") -> Trained:
    """Learn from gold/sentiment_examples, register the model, and use it if it is better.

    It and the one in use are measured on the held-out users, of whom neither has learned. The
    very model that is in use is not registered again.

    Raises:
        TooFewReviewsError: there is too little to learn from; the store is as it was.
        LocationError: the model store cannot be used.
    """
    _check_enough(lakehouse)
    model = SentimentClassifier(jobs=_JOBS, seed=SEED, balance=balance)
    model.fit(read_examples(lakehouse, held_out=False))
    found = answers(model, read_examples(lakehouse, held_out=True), _BINARY)
    try:
        old = model_in_use(store)
    except (ModelFileError, OSError) as error:
        _log.warning("the sentiment model in use is replaced, as it cannot be read: %s", error)
        old = None
    comparison = None
    if old:
        held_out = read_examples(lakehouse, held_out=True)
        comparison = compare(found, answers(old, held_out, _BINARY))
    same = old is not None and model_version(old) == model_version(model)
    better = comparison is None or comparison.better
    version = lakehouse.delta(SENTIMENT_EXAMPLES.key).version()
    record = Record(
        parameters=_parameters(model, version),
        metrics=_numbers(found.metrics()),
        tags={"model_version": model_version(model)},
    )
    some = next(read_examples(lakehouse, held_out=False))
    return Trained(
        model_version=model_version(model),
        stored=_stored(store, model, record, better, same),
        parameters=record.parameters,
        rows=model.rows_,
        metrics=found.metrics(),
        comparison=comparison,
        strongest=strongest_words(model, some, most=_STRONGEST),
        in_use=better or same,
    )


def _stored(
    store: ModelStore, model: SentimentClassifier, record: Record, better: bool, same: bool
) -> StoredModel:
    if same and (stored := store.current(MODEL)):
        return stored
    with temporary_folder() as folder:
        path = Path(folder) / "sentiment.model"
        save(model, path)
        return store.publish(MODEL, path, record, make_current=better)


def _parameters(model: SentimentClassifier, version: int) -> dict[str, str | int | float]:
    tasks = ", ".join(model.tasks)
    return {
        **model.get_params(),
        "tasks": tasks,
        "test_share_of_users": TEST_SHARE,
        "sentiment_examples_version": version,
        "rows": model.rows_,
    }


def model_in_use(store: ModelStore) -> SentimentClassifier | None:
    """The model in use; None where there is none yet.

    Raises:
        LocationError: the model store cannot be used.
        ModelFileError: this program cannot read the model's file.
        OSError: its file cannot be opened.
    """
    stored = store.current(MODEL)
    return load(stored.path) if stored else None


def _check_enough(lakehouse: Lakehouse) -> None:
    """Whether enough of the examples that are learned from are of both classes."""
    counts = np.zeros(2, np.int64)
    for chunk in read_examples(lakehouse, held_out=False, columns=("overall", "reviewer_id")):
        labels = _BINARY.labels(chunk.stars)
        counts += np.bincount(labels[labels != LEFT_OUT], minlength=2)
    if counts.sum() < FEWEST_REVIEWS or not counts.all():
        raise TooFewReviewsError(
            f"{counts[0]:,} negative and {counts[1]:,} positive reviews to learn from; it takes "
            f"{FEWEST_REVIEWS}, and both kinds"
        )


def _numbers(metrics: Metrics) -> dict[str, float]:
    return {name: float(value) for name, value in asdict(metrics).items() if value is not None}
