"""Predictions for reviews that the sentiment model learned from."""

import duckdb
import numpy as np
import pytest

from amazon_reviews.pipeline.sentiment import train as training
from amazon_reviews_tests.dagster.test_sentiment import (
    EXAMPLES,
    PREDICTIONS,
    Small,
    predict,
    project,
    put,
    train,
)
from amazon_reviews_tests.models.reviews import examples, synthetic_reviews

__all__ = ["project"]

NOISE = 0.1
BY_SIDE = f"""
SELECT held_out, count(*),
    avg((predicted = CASE WHEN p.overall < 3 THEN 'positive' ELSE 'negative' END)::INT)
FROM predictions AS p JOIN examples USING (review_id)
WHERE p.overall <> 3 AND ('0x' || review_id[-8:])::INT % {round(1 / NOISE)} = 0
GROUP BY ALL ORDER BY held_out
"""


def noisy_reviews(rows):
    """Return reviews with rare words, by which a model can remember them, and wrong stars.

    The stars of each tenth review are those of the opposite sentiment.
    """
    random = np.random.default_rng(1)
    reviews = synthetic_reviews(rows, users=rows // 5)
    texts = [f"{text} rare{random.integers(3_000)}" for text in reviews.texts.to_pylist()]
    wrong = np.arange(rows) % round(1 / NOISE) == 0
    stars = np.where(wrong, 6 - reviews.stars, reviews.stars)
    return examples(
        texts,
        stars,
        summary=reviews.summaries.to_pylist(),
        reviewer_id=reviews.users.to_pylist(),
    )


def sized(chunk_rows):
    """Return the small classifier with chunks of a number of rows."""

    class Sized(Small):
        """The small classifier with this size of chunks."""

        def fit(self, examples, y=None):
            self.chunk_rows = chunk_rows
            return super().fit(examples)

    return Sized


@pytest.mark.parametrize("chunk_rows", [50_000, 700], ids=["one chunk", "stream"])
def test_wrong_stars_contradict_their_texts_in_learned_reviews_as_in_held_out_ones(
    project, monkeypatch, chunk_rows
):
    monkeypatch.setattr(training, "SentimentClassifier", sized(chunk_rows))
    put(project, noisy_reviews(4_000))
    train(project)
    predict(project, "partition_1")

    db = duckdb.connect()
    for name, key in (("predictions", PREDICTIONS), ("examples", EXAMPLES)):
        db.register(name, project.lakehouse.delta(key).to_pyarrow_dataset())
    (_, learned, found), (_, held_out, found_held_out) = db.sql(BY_SIDE).fetchall()
    assert learned > 250
    assert held_out > 60
    assert found_held_out > 0.7
    assert found > found_held_out - 0.1
