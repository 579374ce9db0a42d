"""Judgements of texts, and their explanation: tasks that agree, start, negations, unknown words."""

import numpy as np
import pytest

from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.explanation import explain
from amazon_reviews.models.sentiment.judgement import Judgements
from amazon_reviews_tests.models.reviews import examples, synthetic_reviews


@pytest.fixture(scope="module")
def model():
    return SentimentClassifier(bits=16).fit(synthetic_reviews(2_000))


def test_stars_and_classes_agree_for_every_text(model):
    random = np.random.default_rng(0)
    scores = random.normal(0, 4, (5_000, len(model.targets_)))
    judgements = Judgements.of(model, scores)

    sentiments, stars = judgements.sentiments, judgements.likely_stars
    np.testing.assert_allclose(judgements.stars.sum(axis=1), 1)
    assert set(sentiments) == {"negative", "neutral", "positive"}
    assert (stars[sentiments == "neutral"] == 3).all()
    for sentiment, sides in (("negative", (1, 2)), ("positive", (4, 5))):
        of_sentiment = sentiments == sentiment
        assert set(stars[of_sentiment]) == set(sides)
        assert ((judgements.positive[of_sentiment] > 0.5) == (sentiment == "positive")).all()
    own = [model.task_classes(task)[p.argmax(axis=1)] for task, p in (
        (task, model.calibration(task).probabilities(scores)) for task in ("three", "five")
    )]  # fmt: skip
    assert ((own[0] == "negative") & np.isin(own[1], ["4", "5"])).any()


def test_judgements_are_as_good_as_those_of_each_task(model):
    reviews = synthetic_reviews(2_000, seed=1)
    scores = model.scores(reviews)
    judgements = Judgements.of(model, scores)

    binary = model.calibration("binary").probabilities(scores)[:, 1]
    np.testing.assert_allclose(judgements.positive, binary)
    actual = np.select([reviews.stars < 3, reviews.stars > 3], ["negative", "positive"], "neutral")
    own = model.task_classes("three")[
        model.calibration("three").probabilities(scores).argmax(axis=1)
    ]
    assert (judgements.sentiments == actual).mean() > (own == actual).mean() - 0.01
    assert abs(judgements.expected_stars.mean() - reviews.stars.mean()) < 0.1


def test_explanation_starts_from_the_share_of_most_reviews(model):
    mostly_bad = SentimentClassifier(bits=16).fit(synthetic_reviews(2_000, bad_share=0.9))

    for classifier, start in ((model, "positive"), (mostly_bad, "negative")):
        explanation = explain(classifier, "great love broke")
        assert explanation.start == start
        assert explanation.start_probability == classifier.predict_proba([""])[0].max()


def test_explanation_separates_a_word_from_its_negation():
    texts = ["good item", "not good item", "bad item", "not bad item"] * 100
    reviews = examples(texts, [5, 1, 1, 5] * 100, reviewer_id=[f"A{k}" for k in range(400)])
    model = SentimentClassifier(("binary",), bits=16).fit(reviews)

    reasons = {each.words: each.weight for each in explain(model, "not good item").reasons}

    assert reasons["good (negated)"] > 0 > reasons["good"]


def test_text_without_known_words_is_told_apart(model):
    unknown, known = (explain(model, text) for text in ("zxcvb qwert", "zxcvb qwert broke"))

    assert not unknown.has_known_words
    assert (unknown.label, unknown.probability) == (
        unknown.start,
        pytest.approx(unknown.start_probability, abs=0.02),
    )
    assert known.has_known_words
