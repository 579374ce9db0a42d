"""Recommenders on matrices whose answer is known, on the unknown, and compared with plain loops."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.sparse import csr_matrix

from amazon_reviews.errors import UnknownItemsError
from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.content import CategoryContent, WordContent
from amazon_reviews.models.recommender.factors import ExplicitALS, ImplicitALS
from amazon_reviews.models.recommender.hybrid import Hybrid
from amazon_reviews.models.recommender.interactions import codes_of
from amazon_reviews.models.recommender.least_squares import solve_rows
from amazon_reviews.models.recommender.methods import METHODS, method_named
from amazon_reviews.models.recommender.names import METHOD_NAMES, NEED_PRODUCTS
from amazon_reviews.models.recommender.neighbours import ItemNeighbours, UserNeighbours
from amazon_reviews.models.recommender.popularity import Popularity
from amazon_reviews.models.recommender.products import Facts, describe
from amazon_reviews.models.recommender.ranking import NOTHING, best, best_by_chunks
from amazon_reviews_tests.models.interactions import blocks, interactions, tastes

COLLABORATIVE = ("user_neighbours", "item_cosine", "bm25", "ease", "ials", "hybrid")


def with_products(found, facts):
    return replace(found, products=describe(enumerate(facts), len(facts)))


@pytest.fixture(scope="module")
def known():
    """Blocks whose items say in words and categories which block they are of."""
    found = blocks()
    facts = [
        Facts(f"Nr {k} {'red' if k % 2 else 'blue'}", "Acme", "Toys", (f"block {k % 2}",), 9.5)
        for k in range(len(found.item_ids))
    ]
    return with_products(found, facts)


@pytest.mark.parametrize("method", [*COLLABORATIVE, "content_categories", "content_words"])
def test_the_withheld_diagonal_of_blocks_comes_first(known, method):
    model = method_named(method).fit(known)
    users = np.arange(len(known.user_ids))

    found = model.recommend(users, 1)

    np.testing.assert_array_equal(found.items[:, 0], users)
    assert not found.cold.any()


@pytest.mark.parametrize("method", [*COLLABORATIVE, "content_categories", "content_words"])
def test_items_of_a_block_are_alike(known, method):
    items = np.arange(len(known.item_ids))
    found = method_named(method).fit(known).similar(items, 10)
    assert (found.items % 2 == items[:, None] % 2).all()
    assert (found.items != items[:, None]).all()


@pytest.mark.parametrize("method", METHODS)
def test_lists_are_full_without_what_was_seen_and_cold_ones_are_popular(known, method):
    model = method_named(method).fit(known)
    seen = known.matrix().toarray() > 0

    found = model.recommend([3, -1, 4], 15)

    assert found.cold[1]
    assert found.items[1].tolist() == model.popular_[:15].tolist()
    assert not seen[3, found.items[0]].any()
    assert not seen[4, found.items[2]].any()
    assert all(len(set(row)) == 15 for row in found.items.tolist())


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_depends_neither_on_the_run_nor_on_who_else_asks(method):
    found = tastes(60, 40)
    found = with_products(found, [Facts(categories=(f"c{k % 4}", f"d{k % 7}")) for k in range(40)])
    first, second = (method_named(method).fit(found) for _ in range(2))
    everybody = first.recommend(np.arange(60), 10).items
    np.testing.assert_array_equal(second.recommend(np.arange(60), 10).items, everybody)
    np.testing.assert_array_equal(second.recommend([33, 2], 10).items, everybody[[33, 2]])


@pytest.mark.parametrize("method", METHODS)
def test_as_many_as_there_are_is_the_most_and_none_is_refused(known, method):
    model = method_named(method).fit(known)
    found = model.recommend([3], 1_000_000)
    assert found.items.shape == (1, 40)
    assert (found.items >= 0).sum() == 40 - 19
    assert model.similar([5], 1_000_000).items.shape == (1, 40)
    for k in (0, -1):
        with pytest.raises(ValueError, match=f"k is {k}; ask for at least 1"):
            model.recommend([3], k)
    with pytest.raises(ValueError, match="not between -1 and 39"):
        model.recommend([40], 1)


def test_what_was_seen_may_come_too(known):
    model = ImplicitALS(factors=8).fit(known)
    items = model.recommend([3], 10, exclude_seen=False).items[0]
    seen = known.matrix().toarray()[3] > 0
    assert seen[items].any()


@pytest.mark.parametrize("method", sorted(NEED_PRODUCTS))
def test_a_method_that_needs_products_says_so(method):
    with pytest.raises(UnknownItemsError, match="needs to know what the products are"):
        method_named(method).fit(blocks())


def test_every_name_has_a_method():
    assert tuple(METHODS) == METHOD_NAMES


def test_an_unknown_method_and_no_interactions_are_refused():
    with pytest.raises(ValueError, match="there is no method 'magic'; there are popularity"):
        method_named("magic")
    nothing = blocks().where(np.zeros(0, int))
    with pytest.raises(UnknownItemsError, match="no interactions to learn from"):
        Popularity().fit(nothing)


@pytest.mark.parametrize("method", METHODS)
def test_the_smallest_data_are_learned_from(method):
    found = interactions([("a", "x"), ("a", "y"), ("b", "x")])
    found = with_products(found, [Facts("one"), Facts("two")])
    model = method_named(method).fit(found)
    items = model.recommend([0, 1], 5).items
    assert items[0].tolist() == [NOTHING, NOTHING]
    assert items[1].tolist() == [1, NOTHING]


def test_popularity_counts_users_by_time_and_by_category():
    rows = [(f"u{k}", "old", 5, 0) for k in range(6)] + [(f"v{k}", "new", 5, 900) for k in range(3)]
    found = interactions([*rows, ("u0", "toy", 5, 0)])
    facts = {"old": Facts(main_category="Books"), "new": Facts(main_category="Books")}
    found = with_products(found, [facts.get(str(name), Facts()) for name in found.item_ids])
    new, old, toy = codes_of(["new", "old", "toy"], found.item_ids)
    nobody = [-1]
    assert Popularity().fit(found).recommend(nobody, 3).items[0].tolist() == [old, new, toy]
    user = codes_of(["u0"], found.user_ids)
    ranked = {
        kind: Popularity(kind).fit(found).recommend(user, 3, exclude_seen=False).items[0].tolist()
        for kind in ("overall", "recent", "category")
    }
    assert ranked == {
        "overall": [old, new, toy],
        "recent": [new, old, toy],
        "category": [toy, old, new],
    }


def test_popularity_scores_by_users_whatever_was_seen():
    found = tastes(60, 40)
    model, seen = Popularity().fit(found), found.matrix().toarray() > 0
    users = np.arange(60)
    answer = model.recommend(users, 10)
    shares = np.bincount(found.items, minlength=40) / np.bincount(found.items).max()
    for user in users:
        unseen = [item for item in model.popular_ if not seen[user, item]]
        assert answer.items[user].tolist() == unseen[:10]
        np.testing.assert_allclose(answer.scores[user], shares[unseen[:10]], rtol=1e-6)


def test_facts_may_come_in_any_order():
    facts = [
        Facts("Red thing", "Acme", "Toys", ("b", "a", "b"), 9.5),
        Facts("Blue", categories="c"),
    ]
    given = list(enumerate([*facts, Facts(main_category="Books")]))
    one, other = describe(given, 4), describe(reversed(given), 4)
    assert one.category_names == other.category_names == ["a", "b", "c"]
    expected = [[1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    for found in (one, other):
        np.testing.assert_array_equal(found.categories.toarray(), expected)
        np.testing.assert_array_equal(found.words.toarray(), one.words.toarray())
        np.testing.assert_array_equal(found.main, [2, 0, 1, 0])


def test_category_content_is_the_sources_recipe():
    found = tastes(40, 20)
    random = np.random.default_rng(1)
    categories = [tuple(random.choice(list("abcdef"), 2, replace=False)) for _ in found.item_ids]
    found = with_products(found, [Facts(categories=of_one) for of_one in categories])
    model = CategoryContent().fit(found)
    ratings, matrix = found.matrix().toarray(), found.products.categories.toarray()
    for user in range(5):
        profile = ratings[user] @ matrix
        scores = matrix @ (profile / profile.sum())
        answer = model.recommend([user], 5)
        assert (ratings[user, answer.items[0]] == 0).all()
        best_unseen = np.sort(scores[ratings[user] == 0])[::-1][:5]
        np.testing.assert_allclose(answer.scores[0], best_unseen, rtol=1e-5)
        np.testing.assert_allclose(scores[answer.items[0]], best_unseen, rtol=1e-5)


def test_category_content_of_the_most_rated_only():
    found = tastes(60, 40)
    found = with_products(found, [Facts(categories=(f"c{k % 4}",)) for k in range(40)])
    model = CategoryContent(top=10).fit(found)
    answer = model.recommend(np.arange(60), 3)
    assert answer.cold.sum() == 50
    most = set(np.argsort(-model.counts_, kind="stable")[:10].tolist())
    warm = answer.items[~answer.cold][answer.scores[~answer.cold] > 0]
    assert set(warm.tolist()) <= most


def test_a_disliked_product_counts_against_its_like():
    found = interactions([("a", "red1", 5), ("a", "blue1", 1), ("b", "red2", 4), ("b", "blue2", 4)])
    facts = [Facts(title=f"{name[:-1]} thing") for name in found.item_ids.tolist()]
    model = WordContent().fit(with_products(found, facts))
    assert model.recommend([0], 1).items[0, 0] == codes_of(["red2"], found.item_ids)[0]


def test_a_product_that_nobody_rated_is_found_by_its_content():
    found = tastes(60, 12)
    grown = replace(found, item_ids=np.append(found.item_ids, "new"))
    names = ("red", "green", "blue", "gold")
    facts = [Facts(title=f"{names[k % 4]} thing", main_category="x") for k in range(12)]
    grown = with_products(grown, [*facts, Facts(title="green thing", main_category="x")])
    hybrid = Hybrid().fit(grown).similar([12], 2)
    assert not hybrid.cold[0]
    assert set(hybrid.items[0] % 4) == {1}
    assert ImplicitALS(factors=4).fit(grown).similar([12], 2).cold[0]


def test_neighbours_are_those_of_a_plain_loop():
    found = tastes(30, 20)
    ratings = found.matrix().toarray()
    unit = (ratings > 0) / np.sqrt((ratings > 0).sum(axis=0))
    alike = unit.T @ unit
    np.fill_diagonal(alike, 0)
    scores = (ratings > 0) @ alike
    by_item = ItemNeighbours("cosine", neighbours=20).fit(found).recommend([7], 4)
    np.testing.assert_allclose(
        by_item.scores[0], np.sort(scores[7][ratings[7] == 0])[::-1][:4], rtol=1e-5
    )
    of_users = ratings / np.linalg.norm(ratings, axis=1, keepdims=True)
    near = of_users @ of_users[7]
    near[7] = 0
    near[np.argsort(-near)[5:]] = 0
    by_user = UserNeighbours(neighbours=5).fit(found).recommend([7], 4)
    expected = np.sort((near @ (ratings > 0))[ratings[7] == 0])[::-1][:4]
    np.testing.assert_allclose(by_user.scores[0], expected, rtol=1e-5)


def test_a_user_with_too_many_ratings_counts_with_the_latest():
    rows = [("greedy", f"i{k:02}", 5, k) for k in range(30)] + [("b", "i28"), ("b", "i00")]
    model = ItemNeighbours("cosine", most_of_a_user=5).fit(interactions(rows))
    assert (np.diff(model.alike_.indptr) > 0).sum() == 6


def test_least_squares_solve_each_row():
    random = np.random.default_rng(0)
    ratings = random.random((6, 15)) * (random.random((6, 15)) < 0.6)
    ratings[5] = 0
    features = random.normal(size=(15, 3)).astype(np.float32)
    ridge = np.array([0.5, 0.2, 1.0], np.float32)
    plain = solve_rows(csr_matrix(ratings), features, ridge)
    weighted = solve_rows(
        csr_matrix(ratings), features, np.zeros(3, np.float32), ridge_a_rating=0.1
    )
    positive = solve_rows(csr_matrix(ratings), features, ridge, non_negative=True)
    for row in range(5):
        rated = ratings[row] > 0
        x, r = features[rated].astype(float), ratings[row][rated]
        for found, penalty in ((plain, np.diag(ridge)), (weighted, np.eye(3) * 0.1 * rated.sum())):
            expected = np.linalg.solve(x.T @ x + penalty, x.T @ r)
            np.testing.assert_allclose(found[row], expected, rtol=1e-3, atol=1e-4)
        stacked = np.vstack([x, np.diag(np.sqrt(ridge))])
        expected, _ = nnls(stacked, np.append(r, np.zeros(3)))
        np.testing.assert_allclose(positive[row], expected, rtol=1e-2, atol=1e-3)
    assert not plain[5].any()
    assert not positive[5].any()


def test_source_1s_als_is_positive_and_learns_from_balanced_stars():
    found = tastes()
    model = ExplicitALS().fit(found)
    assert (model.factors, model.regularization, model.iterations) == (25, 0.09, 5)
    assert model.user_factors_.min() >= 0
    assert model.item_factors_.min() >= 0
    assert 1 < model.predict([0], [0])[0] < 6
    balanced = ExplicitALS(balanced=True).fit(found)
    assert balanced.mean_ == pytest.approx(np.unique(found.ratings).mean(), abs=0.01)
    assert ExplicitALS(non_negative=False).fit(found).item_factors_.min() < 0


def test_biased_factors_predict_known_and_unknown():
    found = tastes()
    model = BiasedFactors(factors=4).fit(found)
    mean = found.ratings.mean()
    assert model.predict([-1], [-1])[0] == pytest.approx(mean, abs=1e-4)
    assert model.predict([-1], [3])[0] == pytest.approx(mean + model.item_factors_[3, -1], abs=1e-4)
    assert model.predict([5], [-1])[0] == pytest.approx(mean + model.user_biases_[5], abs=1e-4)
    every = model.predict(np.repeat(np.arange(300), 80), np.tile(np.arange(80), 300))
    assert 1 <= every.min() <= every.max() <= 5
    with pytest.raises(TypeError, match="ranks, it does not rate"):
        Popularity().fit(found).predict([0], [0])


def test_biases_alone_are_the_ridge_regression_of_their_two_columns():
    found = tastes(20, 10, each=6)
    model = BiasedFactors(factors=0, bias_regularization=2, iterations=60).fit(found)
    design = np.zeros((len(found), 30))
    design[np.arange(len(found)), found.users] = 1
    design[np.arange(len(found)), 20 + found.items] = 1
    centred = found.ratings - found.ratings.mean()
    expected = np.linalg.solve(design.T @ design + 2 * np.eye(30), design.T @ centred)
    np.testing.assert_allclose(model.user_biases_, expected[:20], atol=1e-3)
    np.testing.assert_allclose(model.item_factors_[:, -1], expected[20:], atol=1e-3)


def test_the_best_of_scores_are_those_of_a_full_sort():
    random = np.random.default_rng(0)
    scores = random.integers(-3, 4, (50, 30)).astype(np.float32)
    scores[random.random((50, 30)) < 0.2] = -np.inf
    order = random.permutation(30).astype(np.int32)
    items, found = best(scores, 6, order)
    ranked = np.lexsort((np.broadcast_to(-order, scores.shape), -scores))
    np.testing.assert_array_equal(items, ranked[:, :6])
    np.testing.assert_array_equal(found, np.take_along_axis(scores, ranked[:, :6], 1))
    stored = csr_matrix(np.where(np.isfinite(scores), scores, 0))
    dense = stored.toarray()
    dense[dense == 0] = -np.inf
    for part, whole in zip(best(stored, 6, order), best(dense, 6, order), strict=True):
        np.testing.assert_array_equal(part, whole)


def test_the_best_of_many_scores_are_those_of_a_full_sort_with_ties_by_priority():
    random = np.random.default_rng(0)
    scores = random.integers(0, 60, (9, 3_000)).astype(np.float32)
    scores[0, 5:], scores[1] = -np.inf, 7
    scores[2, 100:] = -np.inf
    priority = random.permutation(3_000).astype(np.int32)
    few = np.full_like(scores, -np.inf)
    few[3, :2_000], few[4, :3] = scores[3, :2_000] + 1, [2, 1, 2]
    stored = csr_matrix(np.where(np.isfinite(few), few, 0))
    for given, whole, k in (*((scores, scores, k) for k in (3, 10, 40)), (stored, few, 10)):
        items, found = best(given, k, priority)
        for row, candidates in enumerate(whole):
            order = np.lexsort((-priority, -candidates))[:k]
            order = order[np.isfinite(candidates[order])]
            assert items[row, : len(order)].tolist() == order.tolist()
            assert (items[row, len(order) :] == NOTHING).all()
            np.testing.assert_array_equal(found[row, : len(order)], candidates[order])


def test_the_best_of_chunks_are_those_of_a_full_sort():
    random = np.random.default_rng(0)
    scores = random.normal(size=(7, 5_000)).astype(np.float32)
    scores[0, 5:] = -np.inf
    for k in (3, 10, 40):
        items, found = best_by_chunks(scores, k)
        expected = np.argsort(-scores, axis=1)[:, :k]
        np.testing.assert_array_equal(items[1:], expected[1:])
        np.testing.assert_array_equal(found[1:], np.take_along_axis(scores, expected, 1)[1:])
        assert items[0, :5].tolist() == np.argsort(-scores[0, :5])[:k].tolist()
        assert (items[0, 5:] == NOTHING).all()
