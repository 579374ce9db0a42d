"""Drift of the stream's texts against the training texts of the sentiment model."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.classifier import SHARE_BINS, SentimentClassifier
from amazon_reviews.models.sentiment.storage import model_version
from amazon_reviews.pipeline.sentiment.example_table import batches
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.sentiment import SENTIMENT_PREDICTIONS

FEWEST_REVIEWS = 200
"""Streamed reviews below which no index is computed."""
MOST = 0.2
"""The index above which the distributions differ; a common rule calls 0.1 to 0.25 moderate."""


@dataclass(frozen=True)
class Drift:
    """The population stability index of the stream's probabilities against those of training.

    `index` is None if there are too few reviews. `stream` and `training` are the shares of reviews
    in equal bands of the probability of the class positive.
    """

    reviews: int
    index: float | None
    stream: tuple[float, ...]
    training: tuple[float, ...]


def drift(lakehouse: Lakehouse, model: SentimentClassifier) -> Drift:
    """Compare the predictions for the stream with those for the held-out users of training."""
    lakehouse.ensure(SENTIMENT_PREDICTIONS.key)
    table = lakehouse.delta(SENTIMENT_PREDICTIONS.key)
    of_stream = (pc.field("source") == "stream") & (
        pc.field("model_version") == model_version(model)
    )
    counts = np.zeros(SHARE_BINS)
    for batch in batches(table, ["positive"], of_stream):
        positive = batch.column("positive").to_numpy(zero_copy_only=False)
        counts += np.histogram(positive, SHARE_BINS, (0, 1))[0]
    total = int(counts.sum())
    stream = counts / max(1, total)
    index = stability_index(model.shares_, stream, total) if total >= FEWEST_REVIEWS else None
    return Drift(total, index, tuple(stream.tolist()), tuple(model.shares_.tolist()))


def stability_index(
    expected: NDArray[np.float64], actual: NDArray[np.float64], reviews: int
) -> float:
    """Return Σ (actual - expected) · ln(actual / expected) over bands.

    A share counts as half a review at least, so that an empty band does not make it infinite.
    """
    least = 0.5 / reviews
    a, b = (np.maximum(shares, least) for shares in (actual, expected))
    return float(((a - b) * np.log(a / b)).sum())
