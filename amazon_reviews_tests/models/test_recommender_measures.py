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
    of_some_users,
    validate,
)
from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.evaluation import Evaluator
from amazon_reviews.models.recommender.factors import ImplicitALS
from amazon_reviews.models.recommender.interactions import NO_TIME, Interactions, codes_of
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


def pairs(found):
    users, items = found.user_ids[found.users], found.item_ids[found.items]
    return set(zip(users.tolist(), items.tolist(), strict=True))


def test_of_a_pair_the_latest_row_counts_whatever_the_order():
    rows = [("b", "x", 2, 5), ("a", "x", 1, 3), ("a", "x", 4, 9), ("a", "x", 5, 9), ("a", "y", 3)]
    for order in (rows, rows[::-1], rows[2:] + rows[:2]):
        found = interactions(order)
        assert found.user_ids.tolist() == ["a", "b"]
        assert found.item_ids.tolist() == ["x", "y"]
        values = zip(found.users, found.items, found.ratings, found.times // DAY, strict=True)
        assert [tuple(map(int, row)) for row in values] == [
            (0, 0, 5, 9),
            (0, 1, 3, 0),
            (1, 0, 2, 5),
        ]
        assert found.counts.tolist() == [3, 1, 1]
    assert found.matrix().toarray().tolist() == [[5, 3], [2, 0]]


def test_ids_that_are_not_known_have_no_code():
    known = np.array(["a", "b", "é"])
    assert codes_of(["b", "", "zz", "é", "a"], known).tolist() == [1, -1, -1, 2, 0]
    assert codes_of(["b"], known[:0]).tolist() == [-1]


def test_a_temporal_split_has_one_moment_for_all():
    found = tastes()
    split = temporal_split(found)
    assert split.train.times.max() < split.test.times.min()
    assert len(split.train) + len(split.test) == len(found)
    assert 0.15 < len(split.test) / len(found) <= 0.2
    warm, cold = split.groups["warm"], split.groups["cold"]
    assert set(warm) <= set(split.train.users)
    assert not set(cold) & set(split.train.users)
    assert set(warm) | set(cold) == set(split.test.users)


def test_a_last_moment_with_much_is_asked_for_as_a_whole():
    found = interactions([(f"u{k}", f"i{k % 4}", 5, k % 2) for k in range(10)])
    split = temporal_split(found)
    assert (len(split.train), len(split.test)) == (5, 5)


def test_interactions_without_a_time_are_on_neither_side():
    found = tastes()
    found.times[:500] = NO_TIME
    split = temporal_split(found)
    assert len(split.train) + len(split.test) == len(found) - 500
    with pytest.raises(SplitError, match="no interaction has a time"):
        temporal_split(found.where(np.arange(500)))
    with pytest.raises(SplitError, match="all interactions are of one moment"):
        temporal_split(interactions([("a", "x"), ("b", "y")]))


def test_the_last_of_each_user_who_has_two_is_left_out():
    found = interactions(
        [("a", "x", 5, 1), ("a", "y", 5, 2), ("b", "x"), ("c", "x", 5, 7), ("c", "z", 5, 6)]
    )
    split = split_named("leave-last-out", found)
    assert pairs(split.test) == {("a", "y"), ("c", "x")}
    assert pairs(split.train) == {("a", "x"), ("b", "x"), ("c", "z")}
    assert {name: users.tolist() for name, users in split.groups.items()} == {
        "own_day": [0, 2],
        "same_day": [],
    }
    with pytest.raises(SplitError, match="no user has two"):
        leave_last_out(interactions([("a", "x"), ("b", "y")]))


def test_ties_are_drawn_by_lot_and_told_apart():
    rows = [(f"u{user:03}", f"i{item}", 5, 3) for user in range(400) for item in range(4)]
    rows += [("late", "i0", 5, 3), ("late", "i1", 5, 4)]
    ids = {}
    for order in (rows, rows[::-1]):
        found = interactions(order)
        split = leave_last_out(found)
        ids[len(ids)] = pairs(split.test)
        assert len(split.groups["same_day"]) == 400
        assert found.user_ids[split.groups["own_day"]].tolist() == ["late"]
    assert ids[0] == ids[1]
    drawn = np.bincount([int(item[1:]) for _, item in ids[0]], minlength=4)
    assert (drawn > 60).all()


def test_a_day_is_shared_before_midnight_only():
    found = Interactions.from_rows(
        ["a", "a", "b", "b"], ["x", "y", "x", "y"], [5] * 4, [DAY, 2 * DAY - 1, DAY - 1, DAY]
    )
    groups = leave_last_out(found).groups
    assert found.user_ids[groups["same_day"]].tolist() == ["a"]
    assert found.user_ids[groups["own_day"]].tolist() == ["b"]


def test_metrics_of_a_list_worked_out_by_hand():
    wanted = csr_matrix(np.array([[0, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 0]], np.float32))
    items = np.array([[1, 0, 3, 2], [5, 4, -1, -1]], np.int32)
    found = ranking_metrics(items, wanted, 4)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert found["recall@4"].tolist() == [pytest.approx(2 / 3), 0]
    assert found["hit_rate@4"].tolist() == [1, 0]
    assert found["ndcg@4"].tolist() == [pytest.approx((1 + 1 / 2) / ideal), 0]
    assert found["map@4"].tolist() == [pytest.approx((1 + 2 / 3) / 3), 0]
    at_two = ranking_metrics(items, wanted, 2)
    assert at_two["map@2"][0] == pytest.approx(1 / 2)
    assert at_two["ndcg@2"][0] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_metrics_are_those_of_a_plain_loop():
    random = np.random.default_rng(0)
    wanted = (random.random((200, 50)) < 0.1) | (np.arange(50) == 7)
    items = np.stack([random.permutation(50)[:20] for _ in range(200)]).astype(np.int32)
    for k in (5, 10, 20):
        found = ranking_metrics(items, csr_matrix(wanted.astype(np.float32)), k)
        for user in range(200):
            likes = set(np.flatnonzero(wanted[user]).tolist())
            hits = [item in likes for item in items[user, :k].tolist()]
            gains = sum(1 / math.log2(place + 2) for place, hit in enumerate(hits) if hit)
            ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(likes))))
            precise = [np.mean(hits[: place + 1]) for place, hit in enumerate(hits) if hit]
            assert found[f"recall@{k}"][user] == pytest.approx(sum(hits) / len(likes))
            assert found[f"ndcg@{k}"][user] == pytest.approx(gains / ideal)
            assert found[f"map@{k}"][user] == pytest.approx(sum(precise) / min(k, len(likes)))


def test_coverage_and_novelty():
    items = np.array([[0, 1], [0, -1]], np.int32)
    assert coverage(items, 8) == 0.25
    counts = np.array([4, 1, 0, 0])
    assert novelty(items, counts, 8) == pytest.approx((1 + 3 + 1) / 3)
    assert novelty(np.array([[2]], np.int32), counts, 8) == pytest.approx(4)


def test_intervals_are_about_two_standard_errors_wide():
    values = np.random.default_rng(1).normal(3, 2, 2_500)
    found = intervals({"x": values}, resamples=400)["x"]
    assert found.mean == pytest.approx(values.mean())
    assert (found.high - found.low) / (2 * 1.96 * 2 / 50) == pytest.approx(1, abs=0.15)
    assert difference(values, values - 0.1).low == pytest.approx(0.1)


@pytest.mark.parametrize("split", ["temporal", "leave-last-out"])
def test_an_evaluation_ranks_all_items_for_all_users(split):
    found = tastes()
    parts = split_named(split, found)
    measured = Evaluator(parts).evaluate(Popularity())
    seen, wanted = parts.train.matrix().toarray() > 0, parts.test.matrix().toarray() > 0
    counts = seen.sum(axis=0)
    recalls = []
    for user in np.flatnonzero(wanted.any(axis=1)):
        ranked = [k for k in np.lexsort((np.arange(80), -counts)) if not seen[user, k]]
        recalls.append(wanted[user, ranked[:10]].sum() / wanted[user].sum())
    summary = measured.summary()
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
    found = interactions(
        [(f"u{k}", f"i{k % 3}", 5, k) for k in range(20)]
        + [("u0", "new", 5, 90), ("late", "i0", 5, 91), ("late", "i1", 5, 92), ("u1", "i2", 5, 93)]
    )
    summary = Evaluator(temporal_split(found), cutoffs=(2,)).evaluate(Popularity()).summary()
    assert (summary["users"], summary["cold_users"], summary["cold_users_answered"]) == (3, 1, 1)
    assert (summary["cold_items"], summary["cold_items_found"]) == (1, 0)


def test_methods_that_know_the_taste_are_better_than_popularity():
    evaluator = Evaluator(temporal_split(tastes()))
    popular = evaluator.evaluate(Popularity()).per_user["ndcg@10"]
    for method in (ItemNeighbours(), ImplicitALS(factors=8)):
        found = evaluator.evaluate(method).per_user["ndcg@10"]
        assert difference(found, popular).low > 0


def test_factors_predict_better_than_biases_and_those_than_the_mean():
    measured = Evaluator(temporal_split(tastes())).evaluate(BiasedFactors(factors=4))
    assert measured.accuracy.rmse < 0.9 * measured.accuracy_of_biases.rmse
    assert measured.accuracy_of_biases.rmse < measured.accuracy_of_mean.rmse
    assert measured.accuracy.mae < measured.accuracy.rmse
    assert measured.accuracy.rows == len(temporal_split(tastes()).test)


def test_errors_worked_out_by_hand():
    found = accuracy(np.array([3.0, 4.0]), np.array([3.0, 2.0]))
    assert (found.rmse, found.mae, found.rows) == (pytest.approx(math.sqrt(2)), 1, 2)
    with pytest.raises(ValueError, match="no ratings to predict"):
        accuracy(np.zeros(0), np.zeros(0))


def test_every_rating_is_predicted_once_in_cross_validation():
    found = tastes()
    errors = cross_validate(found, lambda: BiasedFactors(factors=2), folds=4)
    assert len(errors) == 4
    assert sum(error.rows for error in errors) == len(found)
    for folds in (1, len(found) + 1):
        with pytest.raises(ValueError, match="cannot be put into"):
            cross_validate(found, folds=folds)


def test_cross_validation_finds_the_factors_that_are_there():
    found = tastes()
    errors = [
        validate(found, make, folds=3).rmse
        for make in (
            partial(BiasedFactors, 4, 4.0),
            partial(BiasedFactors, 4, 4_000.0),
            GlobalMean,
        )
    ]
    assert errors == sorted(set(errors))
    biases = validate(found, partial(BiasedFactors, 0), folds=3)
    assert errors[1] == pytest.approx(biases.rmse, rel=1e-3)
    assert errors[2] == pytest.approx(found.ratings.std(), rel=0.02)


def test_some_users_come_with_all_their_ratings():
    found = tastes()
    some = of_some_users(found, len(found) // 3)
    assert 0.2 < len(some) / len(found) <= 1 / 3
    assert len(some) == np.isin(found.users, some.users).sum()
    assert len(of_some_users(found, len(found))) == len(found)


def test_what_is_held_out_is_predicted_from_the_rest():
    found = tastes()
    errors = {share: held_out(found, share, lambda: BiasedFactors(factors=4)) for share in SHARES}
    for share, error in errors.items():
        assert error.rows == round(share * len(found))
    assert errors[0.5].rmse > errors[0.05].rmse
