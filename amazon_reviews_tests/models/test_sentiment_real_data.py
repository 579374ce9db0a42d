"""The sentiment model and TextBlob's polarity on real reviews."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from amazon_reviews.models.sentiment.baselines import polarities
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import evaluate
from amazon_reviews.models.sentiment.judgement import Judgements
from amazon_reviews.models.sentiment.splits import by_user
from amazon_reviews.models.sentiment.tasks import TASKS
from amazon_reviews_tests.models.reviews import category_samples


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    return Path(folder)


@pytest.mark.long
def test_model_predicts_held_out_users_well(data):
    reviews = category_samples(data)
    figures = [_metrics(reviews, by_user(reviews.users, 0.2, seed)) for seed in range(5)]
    assert np.mean([metrics.auc for metrics in figures]) >= 0.98
    assert np.mean([metrics.macro_f1 for metrics in figures]) >= 0.87
    assert np.mean([metrics.ece for metrics in figures]) <= 0.01


def _metrics(reviews, split):
    model = SentimentClassifier().fit(reviews.where(split.train))
    test = reviews.where(split.test)
    return evaluate(test, model.predict_proba(test), TASKS["binary"], "").metrics


def test_learned_reviews_contradict_their_stars_as_often_as_held_out_ones(data):
    reviews = category_samples(data)
    split = by_user(reviews.users, 0.2, 0)
    model = SentimentClassifier().fit(reviews.where(split.train))

    sentiments = Judgements.of(model, model.out_of_fold_scores(reviews)[0]).sentiments
    opposite = np.where(reviews.stars > 3, "negative", "positive")
    contradicts = (sentiments == opposite) & (reviews.stars != 3)
    negative = reviews.stars < 3
    learned, held_out = (
        (contradicts[side].mean(), (sentiments == "negative")[negative & side].mean())
        for side in (split.train, split.test)
    )

    assert held_out[0] > 0.01
    assert learned[0] == pytest.approx(held_out[0], abs=0.005)
    assert learned[1] == pytest.approx(held_out[1], abs=0.05)


def test_polarities_equal_those_of_the_paisa_genious_lakehouse(data):
    pytest.importorskip("textblob")
    with gzip.open(data / "reference" / "textblob_polarity.json.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    for field in ("reviewText", "summary"):
        expected = [row[f"{field}_sentiment"] for row in rows]
        polarity = polarities(row[field] for row in rows)
        np.testing.assert_allclose(polarity, np.array(expected, float), atol=1e-6)
