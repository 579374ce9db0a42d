"""Sentiment predictions for all reviews, partition by partition."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.examples import COLUMNS, Examples
from amazon_reviews.models.sentiment.judgement import Judgements
from amazon_reviews.models.sentiment.storage import model_version
from amazon_reviews.pipeline.artifacts import MODEL_SENTIMENT
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.segments import display_partition, segments
from amazon_reviews.pipeline.sentiment.example_table import batches
from amazon_reviews.resources.lakehouse.prefetch import PrefetchedBatches
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.schemas.layers import GOLD_REVIEWS
from amazon_reviews.schemas.sentiment import SENTIMENT_PREDICTIONS

_SCHEMA = SENTIMENT_PREDICTIONS.arrow_schema
_FROM_GOLD = [name for name in SENTIMENT_PREDICTIONS.names if name in GOLD_REVIEWS.names]
_READ = list(dict.fromkeys([*_FROM_GOLD, *COLUMNS]))


@dataclass(frozen=True)
class Predicted:
    """The rows of one partition, and the number of newly predicted ones."""

    rows: int
    predicted: int


def predict_partitions(
    lakehouse: Lakehouse,
    model: SentimentClassifier,
    partitions: Sequence[str],
    model_built: int,
    *,
    rebuild: bool = False,
) -> Iterator[tuple[str, Predicted]]:
    """Update these partitions of gold/sentiment_predictions.

    No prediction is by weights that learned from the review, or from another one of its user.
    Rows of the same model and the same files of gold/reviews stay, unless `rebuild` is set; the
    stream is updated by segment. `model_built` is the version of model/sentiment to record. Yields
    each partition after its commit.

    Raises:
        FailedPartitionsError: at the end, for the partitions that could not be read or written.
    """
    lakehouse.ensure(GOLD_REVIEWS.key)
    versions = lakehouse.versions(GOLD_REVIEWS.key)
    reviews = lakehouse.delta(GOLD_REVIEWS.key)
    rows, files = partition_rows(reviews), _files(reviews)
    version = model_version(model)

    def predict(names: Sequence[str]) -> Iterator[tuple[str, Predicted]]:
        (name,) = names
        parts = segments(rows) if name == STREAM.partition else [name]
        inputs = {part: _transaction_version(files.get(part, []), version) for part in parts}
        committed = lakehouse.transaction_versions(SENTIMENT_PREDICTIONS.key, parts)
        changed = [part for part in parts if rebuild or committed[part] != inputs[part]]
        for part in changed:
            _predict(lakehouse, model, reviews, part, inputs[part])
        built = {GOLD_REVIEWS.key: versions.get(name, 0), MODEL_SENTIMENT.key: model_built}
        lakehouse.record(SENTIMENT_PREDICTIONS.key, {name: built})
        predicted = sum(rows.get(part, 0) for part in changed)
        yield (
            display_partition(name),
            Predicted(sum(rows.get(part, 0) for part in parts), predicted),
        )

    yield from isolated(([name] for name in partitions), predict)


def _predict(
    lakehouse: Lakehouse,
    model: SentimentClassifier,
    reviews: DeltaTable,
    name: str,
    transaction_version: int,
) -> None:
    partition = batches(reviews, _READ, pc.field("partition") == name)
    version = model_version(model)
    predicted = PrefetchedBatches(
        _predicted(model, batch, version) for batch in partition if len(batch)
    )
    with predicted.raising_errors():
        rows = pa.RecordBatchReader.from_batches(_SCHEMA, predicted)
        key = SENTIMENT_PREDICTIONS.key
        lakehouse.write(
            rows,
            key,
            replacing={"partition": [name]},
            built={display_partition(name): {}},
            transaction_versions={name: transaction_version},
        )


def _predicted(model: SentimentClassifier, batch: pa.RecordBatch, version: str) -> pa.RecordBatch:
    scores, cross_fitted = model.out_of_fold_scores(Examples.from_arrow(batch))
    judgements = Judgements.of(model, scores)
    predictions = {
        "predicted": judgements.sentiments,
        "positive": judgements.positive,
        "expected_stars": judgements.expected_stars,
        "cross_fitted": cross_fitted,
        "model_version": np.full(len(batch), version),
    }
    columns = [
        pa.array(predictions[name], column.type)
        if name in predictions
        else batch.column(name).cast(column.type)
        for name, column in zip(_SCHEMA.names, _SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)


def _files(reviews: DeltaTable) -> dict[str, list[str]]:
    """Return the files of each partition."""
    files: dict[str, list[str]] = {}
    for action in pa.table(reviews.get_add_actions()).to_pylist():
        files.setdefault(action["partition"]["partition"], []).append(action["path"])
    return files


def _transaction_version(files: Sequence[str], version: str) -> int:
    """Return a number that changes with the files and with the model.

    It is a hash of 56 bits, as Delta's transaction versions are signed 64-bit integers.
    """
    text = "\n".join([version, *sorted(files)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
