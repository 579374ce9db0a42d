"""Interactions, splits, metrics and evaluation of recommenders, against plain loops."""

import math
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from amazon_reviews.errors import SplitError
from amazon_reviews.models.recommender.accuracy import (
    SHARES,
    GlobalMean,
    accuracy,
    cross_validate,
    held_out,
    sample_users,
    validate,
)
from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.evaluation import Evaluator
from amazon_reviews.models.recommender.factors import ImplicitALS
from amazon_reviews.models.recommender.interactions import MISSING_TIME, Interactions, codes_of
from amazon_reviews.models.recommender.metrics import (
    coverage,
    difference,
    intervals,
    novelty,
    ranking_metrics,
)
from amazon_reviews.models.recommender.neighbours import ItemNeighbours
from amazon_reviews.models.recommender.popularity import Popularity
from amazon_reviews.models.recommender.splits import leave_last_out, split_named, temporal_split
from amazon_reviews_tests.models.interactions import DAY, interactions, tastes


def pairs(sample):
    users, items = sample.user_ids[sample.users], sample.item_ids[sample.items]
    return set(zip(users.tolist(), items.tolist(), strict=True))


def test_latest_row_of_a_pair_counts_in_any_order():
    rows = [("b", "x", 2, 5), ("a", "x", 1, 3), ("a", "x", 4, 9), ("a", "x", 5, 9), ("a", "y", 3)]
    for order in (rows, rows[::-1], rows[2:] + rows[:2]):
        sample = interactions(order)
        assert sample.user_ids.tolist() == ["a", "b"]
        assert sample.item_ids.tolist() == ["x", "y"]
        values = zip(sample.users, sample.items, sample.ratings, sample.times // DAY, strict=True)
        assert [tuple(map(int, row)) for row in values] == [
            (0, 0, 5, 9),
            (0, 1, 3, 0),
            (1, 0, 2, 5),
        ]
        assert sample.counts.tolist() == [3, 1, 1]
    assert sample.matrix().toarray().tolist() == [[5, 3], [2, 0]]


def test_unknown_ids_have_code_minus_one():
    known = np.array(["a", "b", "é"])
    assert codes_of(["b", "", "zz", "é", "a"], known).tolist() == [1, -1, -1, 2, 0]
    assert codes_of(["b"], known[:0]).tolist() == [-1]


def test_temporal_split_has_one_moment_for_all_users():
    sample = tastes()
    split = temporal_split(sample)
    assert split.train.times.max() < split.test.times.min()
    assert len(split.train) + len(split.test) == len(sample)
    assert 0.15 < len(split.test) / len(sample) <= 0.2
    warm, cold = split.groups["warm"], split.groups["cold"]
    assert set(warm) <= set(split.train.users)
    assert not set(cold) & set(split.train.users)
    assert set(warm) | set(cold) == set(split.test.users)


def test_temporal_split_never_divides_the_last_moment():
    sample = interactions([(f"u{k}", f"i{k % 4}", 5, k % 2) for k in range(10)])
    split = temporal_split(sample)
    assert (len(split.train), len(split.test)) == (5, 5)


def test_interactions_without_a_time_are_on_neither_side():
    sample = tastes()
    sample.times[:500] = MISSING_TIME
    split = temporal_split(sample)
    assert len(split.train) + len(split.test) == len(sample) - 500
    with pytest.raises(SplitError, match="no interaction has a time"):
        temporal_split(sample.where(np.arange(500)))
    with pytest.raises(SplitError, match="all interactions are of one moment"):
        temporal_split(interactions([("a", "x"), ("b", "y")]))


def test_leave_last_out_tests_on_the_last_of_users_with_two():
    sample = interactions(
        [("a", "x", 5, 1), ("a", "y", 5, 2), ("b", "x"), ("c", "x", 5, 7), ("c", "z", 5, 6)]
    )
    split = split_named("leave-last-out", sample)
    assert pairs(split.test) == {("a", "y"), ("c", "x")}
    assert pairs(split.train) == {("a", "x"), ("b", "x"), ("c", "z")}
    assert {name: users.tolist() for name, users in split.groups.items()} == {
        "own_day": [0, 2],
        "same_day": [],
    }
    with pytest.raises(SplitError, match="no user has two"):
        leave_last_out(interactions([("a", "x"), ("b", "y")]))


def test_leave_last_out_breaks_ties_at_random_and_groups_them():
    rows = [(f"u{user:03}", f"i{item}", 5, 3) for user in range(400) for item in range(4)]
    rows += [("late", "i0", 5, 3), ("late", "i1", 5, 4)]
    ids = {}
    for order in (rows, rows[::-1]):
        sample = interactions(order)
        split = leave_last_out(sample)
        ids[len(ids)] = pairs(split.test)
        assert len(split.groups["same_day"]) == 400
        assert sample.user_ids[split.groups["own_day"]].tolist() == ["late"]
    assert ids[0] == ids[1]
    drawn = np.bincount([int(item[1:]) for _, item in ids[0]], minlength=4)
    assert (drawn > 60).all()


def test_same_day_group_ends_at_midnight():
    sample = Interactions.from_rows(
        ["a", "a", "b", "b"], ["x", "y", "x", "y"], [5] * 4, [DAY, 2 * DAY - 1, DAY - 1, DAY]
    )
    groups = leave_last_out(sample).groups
    assert sample.user_ids[groups["same_day"]].tolist() == ["a"]
    assert sample.user_ids[groups["own_day"]].tolist() == ["b"]


def test_ranking_metrics_of_a_known_case():
    relevant = csr_matrix(np.array([[0, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 0]], np.float32))
    items = np.array([[1, 0, 3, 2], [5, 4, -1, -1]], np.int32)
    metrics = ranking_metrics(items, relevant, 4)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert metrics["recall@4"].tolist() == [pytest.approx(2 / 3), 0]
    assert metrics["hit_rate@4"].tolist() == [1, 0]
    assert metrics["ndcg@4"].tolist() == [pytest.approx((1 + 1 / 2) / ideal), 0]
    assert metrics["map@4"].tolist() == [pytest.approx((1 + 2 / 3) / 3), 0]
    at_two = ranking_metrics(items, relevant, 2)
    assert at_two["map@2"][0] == pytest.approx(1 / 2)
    assert at_two["ndcg@2"][0] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_ranking_metrics_equal_a_plain_loop():
    random = np.random.default_rng(0)
    relevant = (random.random((200, 50)) < 0.1) | (np.arange(50) == 7)
    items = np.stack([random.permutation(50)[:20] for _ in range(200)]).astype(np.int32)
    for k in (5, 10, 20):
        metrics = ranking_metrics(items, csr_matrix(relevant.astype(np.float32)), k)
        for user in range(200):
            likes = set(np.flatnonzero(relevant[user]).tolist())
            hits = [item in likes for item in items[user, :k].tolist()]
            gains = sum(1 / math.log2(place + 2) for place, hit in enumerate(hits) if hit)
            ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(likes))))
            precise = [np.mean(hits[: place + 1]) for place, hit in enumerate(hits) if hit]
            assert metrics[f"recall@{k}"][user] == pytest.approx(sum(hits) / len(likes))
            assert metrics[f"ndcg@{k}"][user] == pytest.approx(gains / ideal)
            assert metrics[f"map@{k}"][user] == pytest.approx(sum(precise) / min(k, len(likes)))


def test_coverage_and_novelty_of_a_known_case():
    items = np.array([[0, 1], [0, -1]], np.int32)
    assert coverage(items, 8) == 0.25
    counts = np.array([4, 1, 0, 0])
    assert novelty(items, counts, 8) == pytest.approx((1 + 3 + 1) / 3)
    assert novelty(np.array([[2]], np.int32), counts, 8) == pytest.approx(4)


def test_confidence_intervals_are_about_two_standard_errors_wide():
    values = np.random.default_rng(1).normal(3, 2, 2_500)
    interval = intervals({"x": values}, resamples=400)["x"]
    assert interval.mean == pytest.approx(values.mean())
    assert (interval.high - interval.low) / (2 * 1.96 * 2 / 50) == pytest.approx(1, abs=0.15)
    assert difference(values, values - 0.1).low == pytest.approx(0.1)


@pytest.mark.parametrize("split", ["temporal", "leave-last-out"])
def test_evaluation_ranks_all_items_for_all_users(split):
    sample = tastes()
    parts = split_named(split, sample)
    evaluation = Evaluator(parts).evaluate(Popularity())
    seen, relevant = parts.train.matrix().toarray() > 0, parts.test.matrix().toarray() > 0
    counts = seen.sum(axis=0)
    recalls = []
    for user in np.flatnonzero(relevant.any(axis=1)):
        ranked = [k for k in np.lexsort((np.arange(80), -counts)) if not seen[user, k]]
        recalls.append(relevant[user, ranked[:10]].sum() / relevant[user].sum())
    summary = evaluation.summary()
    assert summary["recall@10"] == pytest.approx(np.mean(recalls))
    assert summary["intervals"]["recall@10"][0] < summary["recall@10"]
    assert summary["rmse"] is None
    truth = parts.test.ratings
    assert summary["rmse_global_mean"] == pytest.approx(
        np.sqrt(np.mean((truth - parts.train.ratings.mean()) ** 2)), rel=1e-5
    )
    sizes = {name: group["users"] for name, group in summary["groups"].items()}
    assert sum(sizes.values()) == summary["users"] == len(recalls)


def test_cold_users_and_items_are_counted():
    sample = interactions(
        [(f"u{k}", f"i{k % 3}", 5, k) for k in range(20)]
        + [("u0", "new", 5, 90), ("late", "i0", 5, 91), ("late", "i1", 5, 92), ("u1", "i2", 5, 93)]
    )
    summary = Evaluator(temporal_split(sample), cutoffs=(2,)).evaluate(Popularity()).summary()
    assert (summary["users"], summary["cold_users"], summary["cold_users_answered"]) == (3, 1, 1)
    assert (summary["cold_items"], summary["cold_items_found"]) == (1, 0)


def test_collaborative_methods_are_better_than_popularity():
    evaluator = Evaluator(temporal_split(tastes()))
    popular = evaluator.evaluate(Popularity()).per_user["ndcg@10"]
    for method in (ItemNeighbours(), ImplicitALS(factors=8)):
        evaluation = evaluator.evaluate(method).per_user["ndcg@10"]
        assert difference(evaluation, popular).low > 0


def test_factors_predict_better_than_biases_and_biases_better_than_the_mean():
    evaluation = Evaluator(temporal_split(tastes())).evaluate(BiasedFactors(factors=4))
    assert evaluation.accuracy.rmse < 0.9 * evaluation.accuracy_of_biases.rmse
    assert evaluation.accuracy_of_biases.rmse < evaluation.accuracy_of_mean.rmse
    assert evaluation.accuracy.mae < evaluation.accuracy.rmse
    assert evaluation.accuracy.rows == len(temporal_split(tastes()).test)


def test_accuracy_of_a_known_case():
    errors = accuracy(np.array([3.0, 4.0]), np.array([3.0, 2.0]))
    assert (errors.rmse, errors.mae, errors.rows) == (pytest.approx(math.sqrt(2)), 1, 2)
    with pytest.raises(ValueError, match="no ratings to predict"):
        accuracy(np.zeros(0), np.zeros(0))


def test_cross_validation_predicts_each_rating_once():
    sample = tastes()
    errors = cross_validate(sample, lambda: BiasedFactors(factors=2), folds=4)
    assert len(errors) == 4
    assert sum(error.rows for error in errors) == len(sample)
    for folds in (1, len(sample) + 1):
        with pytest.raises(ValueError, match="cannot be put into"):
            cross_validate(sample, folds=folds)


def test_cross_validation_prefers_the_true_factors():
    sample = tastes()
    errors = [
        validate(sample, make, folds=3).rmse
        for make in (
            partial(BiasedFactors, 4, 4.0),
            partial(BiasedFactors, 4, 4_000.0),
            GlobalMean,
        )
    ]
    assert errors == sorted(set(errors))
    biases = validate(sample, partial(BiasedFactors, 0), folds=3)
    assert errors[1] == pytest.approx(biases.rmse, rel=1e-3)
    assert errors[2] == pytest.approx(sample.ratings.std(), rel=0.02)


def test_sampled_users_have_all_their_ratings():
    sample = tastes()
    some = sample_users(sample, len(sample) // 3)
    assert 0.2 < len(some) / len(sample) <= 1 / 3
    assert len(some) == np.isin(sample.users, some.users).sum()
    assert len(sample_users(sample, len(sample))) == len(sample)


def test_held_out_share_is_predicted_from_the_rest():
    sample = tastes()
    errors = {share: held_out(sample, share, lambda: BiasedFactors(factors=4)) for share in SHARES}
    for share, error in errors.items():
        assert error.rows == round(share * len(sample))
    assert errors[0.5].rmse > errors[0.05].rmse
