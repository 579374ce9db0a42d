"""Splits, metrics and baselines of the sentiment model."""

from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from amazon_reviews.models.sentiment.baselines import (
    clean_text,
    majority,
    paisa_genious_recipe,
    undersample,
)
from amazon_reviews.models.sentiment.evaluation import calibration_error, evaluate, reliability
from amazon_reviews.models.sentiment.examples import MISSING_DAY
from amazon_reviews.models.sentiment.splits import by_time, by_user, by_user_and_time
from amazon_reviews.models.sentiment.tasks import TASKS
from amazon_reviews_tests.models.reviews import examples

USERS = pa.array([f"A{k % 997}" for k in range(5_000)], pa.large_string())
DAYS = np.random.default_rng(0).integers(15_000, 17_000, 5_000).astype(np.int32)


def test_user_split_has_no_user_on_both_sides():
    split = by_user(USERS, 0.2, seed=3)
    users = np.array(USERS.to_pylist())
    assert not set(users[split.train]) & set(users[split.test])
    assert (split.train ^ split.test).all()
    assert 0.15 < split.test.mean() < 0.25


def test_user_split_depends_on_the_seed_and_not_on_the_chunk():
    whole = by_user(USERS, 0.2, seed=3).test
    np.testing.assert_array_equal(by_user(USERS[2_000:3_000], 0.2, seed=3).test, whole[2_000:3_000])
    assert (by_user(USERS, 0.2, seed=4).test != whole).any()


def test_time_split_trains_on_earlier_reviews_only():
    split = by_time(DAYS, 0.2)
    assert DAYS[split.train].max() < DAYS[split.test].min()
    assert 0.15 < split.test.mean() <= 0.2


def test_time_split_ignores_reviews_without_a_day():
    days = DAYS.copy()
    days[:100] = MISSING_DAY
    split = by_time(days, 0.2)
    assert not (split.train | split.test)[:100].any()


def test_time_split_of_one_day_raises():
    with pytest.raises(ValueError, match="one day"):
        by_time(np.full(10, 16_000, np.int32), 0.2)
    with pytest.raises(ValueError, match="no review has a day"):
        by_time(np.full(10, MISSING_DAY, np.int32), 0.2)


def test_user_and_time_split_leaks_neither_users_nor_later_reviews():
    split = by_user_and_time(USERS, DAYS, 0.3, seed=0)
    users = np.array(USERS.to_pylist())
    assert not set(users[split.train]) & set(users[split.test])
    assert DAYS[split.train].max() < DAYS[split.test].min()
    assert split.test.any()


def test_evaluation_of_a_known_case():
    reviews = examples(
        ["a", "b", "c", "d", "e", "f"],
        [1, 5, 3, 4, 2, 0],
        main_category=["x", "x", "x", "y", "y", "y"],
    )
    positive = np.array([0.1, 0.9, 0.5, 0.4, 0.3, 0.5])
    evaluation = evaluate(reviews, np.column_stack([1 - positive, positive]), TASKS["binary"], "v1")
    assert (evaluation.task, evaluation.model_version) == ("binary", "v1")
    assert evaluation.skipped == 2
    assert asdict(evaluation.metrics) == {
        "rows": 4,
        "auc": 1.0,
        "accuracy": 0.75,
        "macro_f1": pytest.approx((4 / 5 + 2 / 3) / 2),
        "log_loss": pytest.approx(-np.mean(np.log([0.9, 0.9, 0.4, 0.7]))),
        "ece": pytest.approx((0.2 + 0.6 + 0.3) / 4),
    }
    assert evaluation.confusion == [[2, 0], [1, 1]]
    assert {star: part.accuracy for star, part in evaluation.per_star.items()} == {
        "1.0": 1,
        "2.0": 1,
        "4.0": 0,
        "5.0": 1,
    }
    assert {group: part.rows for group, part in evaluation.per_group.items()} == {"x": 2, "y": 2}


def test_worst_decile_is_the_mean_accuracy_of_its_users():
    users = np.repeat([f"A{k}" for k in range(20)], 5)
    right = np.ones(100)
    right[:5], right[5:8], right[10] = 0, 0, 0
    reviews = examples(["t"] * 100, [5] * 100, reviewer_id=users)
    evaluation = evaluate(reviews, np.column_stack([1 - right, right]), TASKS["binary"], "")
    assert evaluation.worst_decile_of_users == pytest.approx((0 + 0.4) / 2)


def test_evaluation_without_labels_has_no_metrics():
    evaluation = evaluate(examples(["a"], [3]), np.array([[0.5, 0.5]]), TASKS["binary"], "")
    assert (evaluation.metrics.rows, evaluation.skipped, evaluation.metrics.auc) == (0, 1, None)
    one_class = evaluate(examples(["a"], [5]), np.array([[0.5, 0.5]]), TASKS["binary"], "")
    assert one_class.metrics.auc is None


def test_calibration_error_is_small_for_calibrated_probabilities():
    random = np.random.default_rng(0)
    positive = random.random(20_000)
    labels = (random.random(20_000) < positive).astype(int)
    honest = np.column_stack([1 - positive, positive])
    assert calibration_error(labels, honest) < 0.02
    assert calibration_error(1 - labels, honest) > 0.4
    bins = reliability(labels, honest)
    assert bins["rows"].sum() == 20_000
    assert (bins["confidence"] - bins["accuracy"]).abs().max() < 0.05


def test_majority_predicts_the_class_shares():
    np.testing.assert_allclose(majority(np.array([0, 1, 1, 1]), 2, 3), [[0.25, 0.75]] * 3)


def test_clean_text_keeps_pieces_of_tags_as_words():
    assert clean_text("It's <b>5</b> http://x.y").split() == "it s b b http x y".split()


def test_paisa_genious_recipe_learns_from_balanced_labels():
    texts = ["lovely thing"] * 30 + ["awful thing"] * 6
    labels = np.array([1] * 30 + [0] * 6)
    chosen = undersample(labels, seed=0)
    assert np.bincount(labels[chosen]).tolist() == [6, 6]
    model = paisa_genious_recipe(0).fit([texts[k] for k in chosen], labels[chosen])
    assert model.predict(["awful", "lovely"]).tolist() == [0, 1]
