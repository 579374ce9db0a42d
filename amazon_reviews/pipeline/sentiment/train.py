"""Training of the sentiment model; a better model becomes the current one."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from amazon_reviews.devtools.sample_data.identifiers import is_generated
from amazon_reviews.disk import explaining, temporary_files
from amazon_reviews.errors import ModelFileError, TooFewReviewsError
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.models.loading import FEWEST_REVIEWS, SENTIMENT, load_model
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.compare import Comparison, compare, predict_chunks
from amazon_reviews.models.sentiment.evaluation import Metrics
from amazon_reviews.models.sentiment.explanation import StrongWords, strongest_words
from amazon_reviews.models.sentiment.storage import model_version, save
from amazon_reviews.models.sentiment.tasks import IGNORED, TASKS
from amazon_reviews.pipeline.sentiment.example_table import SEED, TEST_SHARE, read_examples
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore, Record, StoredModel
from amazon_reviews.schemas.sentiment import SENTIMENT_EXAMPLES

_BINARY = TASKS["binary"]
_log = logging.getLogger(__name__)
# A constant, as the parameters are part of the model version.
_JOBS = 2
_STRONGEST = 15


@dataclass(frozen=True)
class Trained:
    """A trained model with its parameters and metrics.

    `rows` is the number of training examples. `comparison` is None if there was no earlier model.
    `is_current` is True if the model is the current one now.
    """

    model_version: str
    stored: StoredModel
    parameters: Mapping[str, str | int | float]
    rows: int
    metrics: Metrics
    comparison: Comparison | None
    strongest: list[StrongWords]
    is_current: bool


def train(lakehouse: Lakehouse, store: ModelStore, balance: str = "weights") -> Trained:
    """Learn from gold/sentiment_examples, register the model, and make it current if it is better.

    The new and the current model are compared on the held-out users, who are in the training data
    of neither. A model that equals the current one is not registered again.

    Raises:
        TooFewReviewsError: there are too few training examples; the store is unchanged.
        LocationError: the model store cannot be used.
    """
    only_generated = _only_generated(lakehouse)
    model = SentimentClassifier(jobs=_JOBS, seed=SEED, balance=balance)
    model.fit(read_examples(lakehouse, held_out=False))
    model.only_generated_ = only_generated
    predictions = predict_chunks(model, read_examples(lakehouse, held_out=True), _BINARY)
    old = _readable_current(store)
    comparison = None
    if old:
        held_out = read_examples(lakehouse, held_out=True)
        comparison = compare(predictions, predict_chunks(old, held_out, _BINARY))
    same = old is not None and model_version(old) == model_version(model)
    better = comparison is None or comparison.better
    version = lakehouse.delta(SENTIMENT_EXAMPLES.key).version()
    record = Record(
        parameters=_parameters(model, version),
        metrics={
            name: float(value)
            for name, value in asdict(predictions.metrics()).items()
            if value is not None
        },
        tags={"model_version": model_version(model)},
    )
    first_chunk = next(read_examples(lakehouse, held_out=False))
    return Trained(
        model_version=model_version(model),
        stored=_stored(store, model, record, better, same),
        parameters=record.parameters,
        rows=model.rows_,
        metrics=predictions.metrics(),
        comparison=comparison,
        strongest=strongest_words(model, first_chunk, most=_STRONGEST),
        is_current=better or same,
    )


def _stored(
    store: ModelStore, model: SentimentClassifier, record: Record, better: bool, same: bool
) -> StoredModel:
    if same and (stored := store.current(SENTIMENT)):
        return stored
    with explaining(temporary_files()), temporary_folder() as folder:
        path = Path(folder) / "sentiment.model"
        save(model, path)
        return store.publish(SENTIMENT, path, record, make_current=better)


def _parameters(model: SentimentClassifier, version: int) -> dict[str, str | int | float]:
    tasks = ", ".join(model.tasks)
    return {
        **model.get_params(),
        "tasks": tasks,
        "test_share_of_users": TEST_SHARE,
        "sentiment_examples_version": version,
        "rows": model.rows_,
    }


def _readable_current(store: ModelStore) -> SentimentClassifier | None:
    """Return the current model; None, with a warning, if its file is damaged."""
    stored = store.current(SENTIMENT)
    if stored is None:
        return None
    try:
        store.check(SENTIMENT)
        return load_model(SENTIMENT, stored.path)
    except ModelFileError as error:
        _log.warning("the current sentiment model is replaced, as it is damaged: %s", error)
        return None


def _only_generated(lakehouse: Lakehouse) -> bool:
    """Return True if all training examples are generated ones of a sample.

    Raises:
        TooFewReviewsError: there are too few training examples, or only one class.
    """
    counts, generated = np.zeros(2, np.int64), True
    for chunk in read_examples(lakehouse, held_out=False, columns=("overall", "reviewer_id")):
        labels = _BINARY.labels(chunk.stars)
        counts += np.bincount(labels[labels != IGNORED], minlength=2)
        generated = generated and all(is_generated(user or "") for user in chunk.users.to_pylist())
    if counts.sum() < FEWEST_REVIEWS or not counts.all():
        raise TooFewReviewsError(
            f"{counts[0]:,} negative and {counts[1]:,} positive reviews to learn from; it takes "
            f"{FEWEST_REVIEWS}, and both kinds"
        )
    return generated
