"""How good the sentiment model is on users it does not know, beside simpler ways to tell."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.baselines import majority, source_recipe, undersample
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import (
    Evaluation,
    Metrics,
    evaluate,
    metrics,
    reliability,
)
from amazon_reviews.models.sentiment.examples import Examples, joined
from amazon_reviews.models.sentiment.explanation import strongest_words
from amazon_reviews.models.sentiment.polarity import polarities
from amazon_reviews.models.sentiment.star_classifier import StarClassifier
from amazon_reviews.models.sentiment.storage import model_version
from amazon_reviews.models.sentiment.tasks import LEFT_OUT, TASKS
from amazon_reviews.pipeline.sentiment.example_table import BATCH_ROWS, SEED, read_examples
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import sentiment as tables

MOST_ROWS = 200_000
"""Held-out examples that everything is measured on, at most: the first ones."""
COMPARED_ROWS = 20_000
"""Examples that the simpler ways learn from, at most."""
POLARITY_ROWS = 5_000
"""Held-out examples whose polarity is asked for, at most: some two thousand a second."""
NETWORK_ROWS = 500
"""Held-out examples that the star classifier is asked about, at most."""
WORDS = 30
FEWEST_IN_CATEGORY = 500
ALL_CATEGORIES = "All categories"

_BINARY = TASKS["binary"]


@dataclass(frozen=True)
class Evaluated:
    """The rows of the four tables, and the figures of each task."""

    evaluation: pa.Table
    confusion: pa.Table
    calibration: pa.Table
    words: pa.Table
    by_task: dict[str, Evaluation]

    def tables(self) -> dict[str, pa.Table]:
        """The rows by key of the table."""
        return {
            tables.SENTIMENT_EVALUATION.key: self.evaluation,
            tables.SENTIMENT_CONFUSION.key: self.confusion,
            tables.SENTIMENT_CALIBRATION.key: self.calibration,
            tables.SENTIMENT_WORDS.key: self.words,
        }

    def confusion_of(self, task: str) -> pa.Table:
        """The rows of gold/sentiment_confusion of one task."""
        return self.confusion.filter(pc.equal(self.confusion["task"], task))

    def figures(self) -> dict[str, float]:
        """The figures of all tasks, as "task.figure"."""
        return {
            f"{task}.{name}": float(value)
            for task, found in self.by_task.items()
            for name, value in asdict(found.metrics).items()
            if value is not None
        }


def evaluate_model(
    lakehouse: Lakehouse, model: SentimentClassifier, star_classifier: Path | None = None
) -> Evaluated:
    """Measure the model on the held-out examples, task by task, part by part, and its rivals.

    One of them is the pre-trained classifier in the folder `star_classifier`, if there is one.

    Raises:
        StarClassifierError: there is none in that folder.
    """
    held_out = _some(lakehouse, held_out=True, rows=MOST_ROWS)
    scores = model.scores(held_out)
    version = model_version(model)
    by_task = {
        name: evaluate(
            held_out, model.calibration(name).probabilities(scores), TASKS[name], version
        )
        for name in model.tasks
    }
    rows = [row for found in by_task.values() for row in _parts(found)]
    rows += list(_rivals(lakehouse, held_out, star_classifier))
    binary = model.calibration("binary").probabilities(scores)
    return Evaluated(
        evaluation=pa.Table.from_pylist(rows, tables.SENTIMENT_EVALUATION.arrow_schema),
        confusion=pa.Table.from_pylist(
            [row for found in by_task.values() for row in _confusion(found)],
            tables.SENTIMENT_CONFUSION.arrow_schema,
        ),
        calibration=_calibration(held_out, binary),
        words=_words(model, held_out),
        by_task=by_task,
    )


def _some(lakehouse: Lakehouse, *, held_out: bool, rows: int) -> Examples:
    chunks = islice(read_examples(lakehouse, held_out=held_out), max(1, rows // BATCH_ROWS))
    return joined(list(chunks)).slice(0, rows)


def _parts(found: Evaluation) -> Iterator[dict[str, Any]]:
    """The rows of gold/sentiment_evaluation of one task."""
    own = {"model": "project", "task": found.task, "model_version": found.model_version}
    yield {**own, "part": "all", "value": "", **asdict(found.metrics)}
    for stars, figures in found.per_star.items():
        yield {**own, "part": "stars", "value": stars, **asdict(figures)}
    for category, figures in found.per_group.items():
        yield {**own, "part": "category", "value": category, **asdict(figures)}
    yield {**own, "part": "users", "value": "", "accuracy": found.worst_decile_of_users}


def _rivals(
    lakehouse: Lakehouse, held_out: Examples, star_classifier: Path | None
) -> Iterator[dict[str, Any]]:
    """What has to be beaten in the binary task."""
    labels = _BINARY.labels(held_out.stars)
    test, labels = held_out.where(labels != LEFT_OUT), labels[labels != LEFT_OUT]
    train = _some(lakehouse, held_out=False, rows=COMPARED_ROWS)
    known = _BINARY.labels(train.stars)
    train, known = train.where(known != LEFT_OUT), known[known != LEFT_OUT]
    if len(np.unique(known)) < 2 or not len(test):
        return
    yield _rival("majority", metrics(labels, majority(known, 2, len(test))))
    chosen = undersample(known, SEED)
    recipe = source_recipe(SEED).fit(_texts(train)[chosen], known[chosen])
    chances = recipe.predict_proba(_texts(test))
    yield _rival("source 1's recipe", metrics(labels, chances))
    polarity = polarities(_texts(test)[:POLARITY_ROWS])
    yield _rival("TextBlob polarity", _measured(labels, (polarity + 1) / 2))
    if star_classifier:
        some = [" ".join(filter(None, both)) for both in _both(test.slice(0, NETWORK_ROWS))]
        positive = StarClassifier(star_classifier).positive(some)
        yield _rival("star classifier", _measured(labels, positive))


def _both(examples: Examples) -> Iterator[tuple[str | None, str | None]]:
    """Summary and text of each."""
    return zip(examples.summaries.to_pylist(), examples.texts.to_pylist(), strict=True)


def _measured(labels: NDArray[np.int8], positive: NDArray[np.float64]) -> Metrics:
    """The figures of the first ones, for which there are probabilities."""
    return metrics(labels[: len(positive)], np.column_stack([1 - positive, positive]))


def _rival(name: str, figures: Metrics) -> dict[str, Any]:
    return {"model": name, "task": "binary", "part": "all", "value": "", **asdict(figures)}


def _texts(examples: Examples) -> NDArray[np.object_]:
    return np.asarray(examples.texts.fill_null("").to_numpy(zero_copy_only=False), dtype=object)


def _confusion(found: Evaluation) -> Iterator[dict[str, Any]]:
    classes = TASKS[found.task].classes
    for actual, counts in zip(classes, found.confusion, strict=False):
        for predicted, count in zip(classes, counts, strict=True):
            yield {
                "task": found.task,
                "actual": actual,
                "predicted": predicted,
                "reviews": count,
            }


def _calibration(held_out: Examples, chances: NDArray[np.float64]) -> pa.Table:
    labels = _BINARY.labels(held_out.stars)
    known = labels != LEFT_OUT
    bands = reliability(labels[known], chances[known]).rename(columns={"rows": "reviews"})
    schema = tables.SENTIMENT_CALIBRATION.arrow_schema
    return pa.Table.from_pandas(bands[schema.names], schema, preserve_index=False)


def _words(model: SentimentClassifier, examples: Examples) -> pa.Table:
    """The strongest words of all categories, and of each that has enough examples."""
    parts = {ALL_CATEGORIES: examples}
    counts = pc.value_counts(examples.groups.drop_null())
    for name, count in zip(*(column.to_pylist() for column in counts.flatten()), strict=True):
        if count >= FEWEST_IN_CATEGORY:
            own = pc.fill_null(pc.equal(examples.groups, name), False)
            parts[name] = examples.where(own.to_numpy(zero_copy_only=False))
    rows = [row for name, part in sorted(parts.items()) for row in _strongest(model, name, part)]
    return pa.Table.from_pylist(rows, tables.SENTIMENT_WORDS.arrow_schema)


def _strongest(
    model: SentimentClassifier, category: str, examples: Examples
) -> Iterator[dict[str, Any]]:
    """What drives the answers of a category: the words that add most in all their places."""
    found = strongest_words(model, examples, "three", most=WORDS, by="sum")
    places: dict[str, int] = {}
    for word in found:
        places[word.label] = places.get(word.label, 0) + 1
        yield {
            "main_category": category,
            "label": word.label,
            "place": places[word.label],
            "words": word.words,
            "weight": word.weight,
            "places": word.count,
        }
