"""Evaluation of the sentiment model on held-out users, with baselines."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.baselines import (
    majority,
    paisa_genious_recipe,
    polarities,
    undersample,
)
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import (
    Evaluation,
    evaluate,
    metrics,
    reliability,
)
from amazon_reviews.models.sentiment.examples import Examples, concatenate
from amazon_reviews.models.sentiment.explanation import strongest_words
from amazon_reviews.models.sentiment.star_classifier import StarClassifier
from amazon_reviews.models.sentiment.storage import model_version
from amazon_reviews.models.sentiment.tasks import IGNORED, TASKS
from amazon_reviews.pipeline.sentiment.example_table import BATCH_ROWS, SEED, read_examples
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import sentiment as tables
from amazon_reviews.schemas.vocabulary import ALL_CATEGORIES

MOST_ROWS = 200_000
"""The most held-out examples of the evaluation: the first ones."""
BASELINE_ROWS = 20_000
"""The most training examples of the baselines."""
POLARITY_ROWS = 5_000
"""The most held-out examples for TextBlob, which reads about two thousand per second."""
NETWORK_ROWS = 500
"""The most held-out examples for the star classifier, which is slow."""
WORDS = 30
FEWEST_IN_CATEGORY = 500

_BINARY = TASKS["binary"]


@dataclass(frozen=True)
class Evaluated:
    """The rows of the four tables, and the evaluation of each task."""

    evaluation: pa.Table
    confusion: pa.Table
    calibration: pa.Table
    words: pa.Table
    by_task: dict[str, Evaluation]

    def tables(self) -> dict[str, pa.Table]:
        """Return the rows by key of the table."""
        return {
            tables.SENTIMENT_EVALUATION.key: self.evaluation,
            tables.SENTIMENT_CONFUSION.key: self.confusion,
            tables.SENTIMENT_CALIBRATION.key: self.calibration,
            tables.SENTIMENT_WORDS.key: self.words,
        }

    def confusion_of(self, task: str) -> pa.Table:
        """Return the rows of gold/sentiment_confusion of one task."""
        return self.confusion.filter(pc.equal(self.confusion["task"], task))

    def figures(self) -> dict[str, float]:
        """Return the metrics of all tasks, named "task.metric"."""
        return {
            f"{task}.{name}": float(value)
            for task, evaluation in self.by_task.items()
            for name, value in asdict(evaluation.metrics).items()
            if value is not None
        }


def evaluate_model(
    lakehouse: Lakehouse, model: SentimentClassifier, star_classifier: Path | None = None
) -> Evaluated:
    """Evaluate the model and the baselines on the held-out examples, by task and by part.

    The pre-trained classifier in the folder `star_classifier` is one of the baselines if a folder
    is given.

    Raises:
        StarClassifierError: the folder has no usable classifier.
    """
    held_out = _first_examples(lakehouse, held_out=True, rows=MOST_ROWS)
    scores = model.scores(held_out)
    version = model_version(model)
    by_task = {
        name: evaluate(
            held_out, model.calibration(name).probabilities(scores), TASKS[name], version
        )
        for name in model.tasks
    }
    rows = [
        {**row, "only_generated": model.only_generated_}
        for evaluation in by_task.values()
        for row in _evaluation_rows(evaluation)
    ]
    rows += list(_baseline_rows(lakehouse, held_out, star_classifier))
    binary = model.calibration("binary").probabilities(scores)
    return Evaluated(
        evaluation=pa.Table.from_pylist(rows, tables.SENTIMENT_EVALUATION.arrow_schema),
        confusion=pa.Table.from_pylist(
            [row for evaluation in by_task.values() for row in _confusion_rows(evaluation)],
            tables.SENTIMENT_CONFUSION.arrow_schema,
        ),
        calibration=_calibration(held_out, binary),
        words=_words(model, held_out),
        by_task=by_task,
    )


def _first_examples(lakehouse: Lakehouse, *, held_out: bool, rows: int) -> Examples:
    chunks = islice(read_examples(lakehouse, held_out=held_out), max(1, rows // BATCH_ROWS))
    return concatenate(list(chunks)).slice(0, rows)


def _evaluation_rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """Yield the rows of gold/sentiment_evaluation of one task."""
    shared = {
        "model": "project",
        "task": evaluation.task,
        "model_version": evaluation.model_version,
    }
    yield {**shared, "part": "all", "value": "", **asdict(evaluation.metrics)}
    for stars, figures in evaluation.per_star.items():
        yield {**shared, "part": "stars", "value": stars, **asdict(figures)}
    for category, figures in evaluation.per_group.items():
        yield {**shared, "part": "category", "value": category, **asdict(figures)}
    yield {**shared, "part": "users", "value": "", "accuracy": evaluation.worst_decile_of_users}


def _baseline_rows(
    lakehouse: Lakehouse, held_out: Examples, star_classifier: Path | None
) -> Iterator[dict[str, Any]]:
    """Yield one row per baseline of the binary task."""
    test, test_labels = _binary_part(held_out)
    train, train_labels = _binary_part(
        _first_examples(lakehouse, held_out=False, rows=BASELINE_ROWS)
    )
    if len(np.unique(train_labels)) < 2 or not len(test):
        return

    def row(name: str, probabilities: NDArray[np.float64]) -> dict[str, Any]:
        # The slower baselines have probabilities of the first examples only.
        figures = metrics(test_labels[: len(probabilities)], probabilities)
        return {"model": name, "task": "binary", "part": "all", "value": "", **asdict(figures)}

    yield row("majority", majority(train_labels, 2, len(test)))
    sample = undersample(train_labels, SEED)
    recipe = paisa_genious_recipe(SEED).fit(_texts(train)[sample], train_labels[sample])
    yield row("Paisa Genious recipe", recipe.predict_proba(_texts(test)))
    positive = (polarities(_texts(test)[:POLARITY_ROWS]) + 1) / 2
    yield row("TextBlob polarity", np.column_stack([1 - positive, positive]))
    if star_classifier:
        first = test.slice(0, NETWORK_ROWS)
        fields = zip(first.summaries.to_pylist(), first.texts.to_pylist(), strict=True)
        texts = [" ".join(filter(None, both)) for both in fields]
        positive = StarClassifier(star_classifier).positive(texts)
        yield row("star classifier", np.column_stack([1 - positive, positive]))


def _binary_part(examples: Examples) -> tuple[Examples, NDArray[np.int8]]:
    """Return the examples of the binary task and their labels."""
    labels = _BINARY.labels(examples.stars)
    return examples.where(labels != IGNORED), labels[labels != IGNORED]


def _texts(examples: Examples) -> NDArray[np.object_]:
    return np.asarray(examples.texts.fill_null("").to_numpy(zero_copy_only=False), dtype=object)


def _confusion_rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    classes = TASKS[evaluation.task].classes
    for actual, counts in zip(classes, evaluation.confusion, strict=False):
        for predicted, count in zip(classes, counts, strict=True):
            yield {
                "task": evaluation.task,
                "actual": actual,
                "predicted": predicted,
                "reviews": count,
            }


def _calibration(held_out: Examples, probabilities: NDArray[np.float64]) -> pa.Table:
    labels = _BINARY.labels(held_out.stars)
    known = labels != IGNORED
    bands = reliability(labels[known], probabilities[known]).rename(columns={"rows": "reviews"})
    schema = tables.SENTIMENT_CALIBRATION.arrow_schema
    return pa.Table.from_pandas(bands[schema.names], schema, preserve_index=False)


def _words(model: SentimentClassifier, examples: Examples) -> pa.Table:
    """Return the strongest words of all categories, and of each with enough examples."""
    parts = {ALL_CATEGORIES: examples}
    counts = pc.value_counts(examples.groups.drop_null())
    for name, count in zip(*(column.to_pylist() for column in counts.flatten()), strict=True):
        if count >= FEWEST_IN_CATEGORY:
            in_category = pc.fill_null(pc.equal(examples.groups, name), False)
            parts[name] = examples.where(in_category.to_numpy(zero_copy_only=False))
    rows = [row for name, part in sorted(parts.items()) for row in _word_rows(model, name, part)]
    return pa.Table.from_pylist(rows, tables.SENTIMENT_WORDS.arrow_schema)


def _word_rows(
    model: SentimentClassifier, category: str, examples: Examples
) -> Iterator[dict[str, Any]]:
    """Yield the words of a category with the largest sums of weights."""
    places: dict[str, int] = {}
    for word in strongest_words(model, examples, "three", most=WORDS, by="sum"):
        places[word.label] = places.get(word.label, 0) + 1
        yield {
            "main_category": category,
            "label": word.label,
            "place": places[word.label],
            "words": word.words,
            "weight": word.weight,
            "places": word.count,
        }
