"""Recommenders on data with known results, on unknown ids, and against plain computations."""

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
from amazon_reviews.models.recommender.ranking import NO_ITEM, best, best_by_chunks
from amazon_reviews_tests.models.interactions import blocks, interactions, tastes

COLLABORATIVE = ("user_neighbours", "item_cosine", "bm25", "ease", "ials", "hybrid")


def with_products(sample, facts):
    return replace(sample, products=describe(enumerate(facts), len(facts)))


@pytest.fixture(scope="module")
def known():
    """Blocks whose items name their block in words and categories."""
    sample = blocks()
    facts = [
        Facts(f"Nr {k} {'red' if k % 2 else 'blue'}", "Acme", "Toys", (f"block {k % 2}",), 9.5)
        for k in range(len(sample.item_ids))
    ]
    return with_products(sample, facts)


@pytest.mark.parametrize("method", [*COLLABORATIVE, "content_categories", "content_words"])
def test_withheld_item_of_a_block_ranks_first(known, method):
    model = method_named(method).fit(known)
    users = np.arange(len(known.user_ids))

    recommended = model.recommend(users, 1)

    np.testing.assert_array_equal(recommended.items[:, 0], users)
    assert not recommended.cold.any()


@pytest.mark.parametrize("method", [*COLLABORATIVE, "content_categories", "content_words"])
def test_similar_items_are_of_the_same_block(known, method):
    items = np.arange(len(known.item_ids))
    recommended = method_named(method).fit(known).similar(items, 10)
    assert (recommended.items % 2 == items[:, None] % 2).all()
    assert (recommended.items != items[:, None]).all()


@pytest.mark.parametrize("method", METHODS)
def test_rankings_are_full_without_rated_items_and_cold_ones_are_popular(known, method):
    model = method_named(method).fit(known)
    seen = known.matrix().toarray() > 0

    recommended = model.recommend([3, -1, 4], 15)

    assert recommended.cold[1]
    assert recommended.items[1].tolist() == model.popular_[:15].tolist()
    assert not seen[3, recommended.items[0]].any()
    assert not seen[4, recommended.items[2]].any()
    assert all(len(set(row)) == 15 for row in recommended.items.tolist())


@pytest.mark.parametrize("method", METHODS)
def test_ranking_is_the_same_in_every_run_and_for_any_other_queries(method):
    sample = tastes(60, 40)
    facts = [Facts(categories=(f"c{k % 4}", f"d{k % 7}")) for k in range(40)]
    sample = with_products(sample, facts)
    first, second = (method_named(method).fit(sample) for _ in range(2))
    rankings = first.recommend(np.arange(60), 10).items
    np.testing.assert_array_equal(second.recommend(np.arange(60), 10).items, rankings)
    np.testing.assert_array_equal(second.recommend([33, 2], 10).items, rankings[[33, 2]])


@pytest.mark.parametrize("method", METHODS)
def test_k_is_limited_to_the_items_and_below_one_raises(known, method):
    model = method_named(method).fit(known)
    recommended = model.recommend([3], 1_000_000)
    assert recommended.items.shape == (1, 40)
    assert (recommended.items >= 0).sum() == 40 - 19
    assert model.similar([5], 1_000_000).items.shape == (1, 40)
    for k in (0, -1):
        with pytest.raises(ValueError, match=f"k is {k}; ask for at least 1"):
            model.recommend([3], k)
    with pytest.raises(ValueError, match="not between -1 and 39"):
        model.recommend([40], 1)


def test_rated_items_are_ranked_without_exclude_seen(known):
    model = ImplicitALS(factors=8).fit(known)
    items = model.recommend([3], 10, exclude_seen=False).items[0]
    seen = known.matrix().toarray()[3] > 0
    assert seen[items].any()


@pytest.mark.parametrize("method", sorted(NEED_PRODUCTS))
def test_method_that_needs_products_raises_without_them(method):
    with pytest.raises(UnknownItemsError, match="needs product data"):
        method_named(method).fit(blocks())


def test_method_names_equal_the_methods():
    assert tuple(METHODS) == METHOD_NAMES


def test_unknown_method_and_empty_interactions_raise():
    with pytest.raises(ValueError, match="unknown method 'magic'; known methods are popularity"):
        method_named("magic")
    nothing = blocks().where(np.zeros(0, int))
    with pytest.raises(UnknownItemsError, match="no interactions to learn from"):
        Popularity().fit(nothing)


@pytest.mark.parametrize("method", METHODS)
def test_methods_learn_from_three_interactions(method):
    sample = interactions([("a", "x"), ("a", "y"), ("b", "x")])
    sample = with_products(sample, [Facts("one"), Facts("two")])
    model = method_named(method).fit(sample)
    items = model.recommend([0, 1], 5).items
    assert items[0].tolist() == [NO_ITEM, NO_ITEM]
    assert items[1].tolist() == [1, NO_ITEM]


def test_popularity_ranks_by_users_by_time_and_by_category():
    rows = [(f"u{k}", "old", 5, 0) for k in range(6)] + [(f"v{k}", "new", 5, 900) for k in range(3)]
    sample = interactions([*rows, ("u0", "toy", 5, 0)])
    facts = {"old": Facts(main_category="Books"), "new": Facts(main_category="Books")}
    sample = with_products(sample, [facts.get(str(name), Facts()) for name in sample.item_ids])
    new, old, toy = codes_of(["new", "old", "toy"], sample.item_ids)
    unknown = [-1]
    assert Popularity().fit(sample).recommend(unknown, 3).items[0].tolist() == [old, new, toy]
    user = codes_of(["u0"], sample.user_ids)
    ranked = {
        kind: Popularity(kind).fit(sample).recommend(user, 3, exclude_seen=False).items[0].tolist()
        for kind in ("overall", "recent", "category")
    }
    assert ranked == {
        "overall": [old, new, toy],
        "recent": [new, old, toy],
        "category": [toy, old, new],
    }


def test_popularity_scores_are_shares_of_users():
    sample = tastes(60, 40)
    model, seen = Popularity().fit(sample), sample.matrix().toarray() > 0
    users = np.arange(60)
    answer = model.recommend(users, 10)
    shares = np.bincount(sample.items, minlength=40) / np.bincount(sample.items).max()
    for user in users:
        unseen = [item for item in model.popular_ if not seen[user, item]]
        assert answer.items[user].tolist() == unseen[:10]
        np.testing.assert_allclose(answer.scores[user], shares[unseen[:10]], rtol=1e-6)


def test_product_matrices_do_not_depend_on_the_order_of_facts():
    facts = [
        Facts("Red thing", "Acme", "Toys", ("b", "a", "b"), 9.5),
        Facts("Blue", categories="c"),
    ]
    given = list(enumerate([*facts, Facts(main_category="Books")]))
    in_order, reverse = describe(given, 4), describe(reversed(given), 4)
    assert in_order.category_names == reverse.category_names == ["a", "b", "c"]
    expected = [[1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    for products in (in_order, reverse):
        np.testing.assert_array_equal(products.categories.toarray(), expected)
        np.testing.assert_array_equal(products.words.toarray(), in_order.words.toarray())
        np.testing.assert_array_equal(products.main, [2, 0, 1, 0])


def test_category_content_equals_the_inteligencia_colectiva_formula():
    sample = tastes(40, 20)
    random = np.random.default_rng(1)
    categories = [tuple(random.choice(list("abcdef"), 2, replace=False)) for _ in sample.item_ids]
    sample = with_products(sample, [Facts(categories=pair) for pair in categories])
    model = CategoryContent().fit(sample)
    ratings, matrix = sample.matrix().toarray(), sample.products.categories.toarray()
    for user in range(5):
        profile = ratings[user] @ matrix
        scores = matrix @ (profile / profile.sum())
        answer = model.recommend([user], 5)
        assert (ratings[user, answer.items[0]] == 0).all()
        best_unseen = np.sort(scores[ratings[user] == 0])[::-1][:5]
        np.testing.assert_allclose(answer.scores[0], best_unseen, rtol=1e-5)
        np.testing.assert_allclose(scores[answer.items[0]], best_unseen, rtol=1e-5)


def test_category_content_with_top_uses_the_most_rated_only():
    sample = tastes(60, 40)
    sample = with_products(sample, [Facts(categories=(f"c{k % 4}",)) for k in range(40)])
    model = CategoryContent(top=10).fit(sample)
    answer = model.recommend(np.arange(60), 3)
    assert answer.cold.sum() == 50
    most = set(np.argsort(-model.counts_, kind="stable")[:10].tolist())
    warm = answer.items[~answer.cold][answer.scores[~answer.cold] > 0]
    assert set(warm.tolist()) <= most


def test_disliked_product_lowers_similar_products():
    rows = [("a", "red1", 5), ("a", "blue1", 1), ("b", "red2", 4), ("b", "blue2", 4)]
    sample = interactions(rows)
    facts = [Facts(title=f"{name[:-1]} thing") for name in sample.item_ids.tolist()]
    model = WordContent().fit(with_products(sample, facts))
    assert model.recommend([0], 1).items[0, 0] == codes_of(["red2"], sample.item_ids)[0]


def test_product_without_ratings_has_similar_products_by_content():
    sample = tastes(60, 12)
    grown = replace(sample, item_ids=np.append(sample.item_ids, "new"))
    names = ("red", "green", "blue", "gold")
    facts = [Facts(title=f"{names[k % 4]} thing", main_category="x") for k in range(12)]
    grown = with_products(grown, [*facts, Facts(title="green thing", main_category="x")])
    hybrid = Hybrid().fit(grown).similar([12], 2)
    assert not hybrid.cold[0]
    assert set(hybrid.items[0] % 4) == {1}
    assert ImplicitALS(factors=4).fit(grown).similar([12], 2).cold[0]


def test_neighbour_scores_equal_a_plain_computation():
    sample = tastes(30, 20)
    ratings = sample.matrix().toarray()
    unit = (ratings > 0) / np.sqrt((ratings > 0).sum(axis=0))
    similarity = unit.T @ unit
    np.fill_diagonal(similarity, 0)
    scores = (ratings > 0) @ similarity
    by_item = ItemNeighbours("cosine", neighbours=20).fit(sample).recommend([7], 4)
    np.testing.assert_allclose(
        by_item.scores[0], np.sort(scores[7][ratings[7] == 0])[::-1][:4], rtol=1e-5
    )
    user_vectors = ratings / np.linalg.norm(ratings, axis=1, keepdims=True)
    near = user_vectors @ user_vectors[7]
    near[7] = 0
    near[np.argsort(-near)[5:]] = 0
    by_user = UserNeighbours(neighbours=5).fit(sample).recommend([7], 4)
    expected = np.sort((near @ (ratings > 0))[ratings[7] == 0])[::-1][:4]
    np.testing.assert_allclose(by_user.scores[0], expected, rtol=1e-5)


def test_only_the_latest_ratings_of_a_user_count():
    rows = [("greedy", f"i{k:02}", 5, k) for k in range(30)] + [("b", "i28"), ("b", "i00")]
    model = ItemNeighbours("cosine", most_of_a_user=5).fit(interactions(rows))
    assert (np.diff(model.similarity_.indptr) > 0).sum() == 6


def test_least_squares_equal_a_solution_per_row():
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
        for result, penalty in ((plain, np.diag(ridge)), (weighted, np.eye(3) * 0.1 * rated.sum())):
            expected = np.linalg.solve(x.T @ x + penalty, x.T @ r)
            np.testing.assert_allclose(result[row], expected, rtol=1e-3, atol=1e-4)
        stacked = np.vstack([x, np.diag(np.sqrt(ridge))])
        expected, _ = nnls(stacked, np.append(r, np.zeros(3)))
        np.testing.assert_allclose(positive[row], expected, rtol=1e-2, atol=1e-3)
    assert not plain[5].any()
    assert not positive[5].any()


def test_paisa_genious_als_is_non_negative_and_learns_from_balanced_stars():
    sample = tastes()
    model = ExplicitALS().fit(sample)
    assert (model.factors, model.regularization, model.iterations) == (25, 0.09, 5)
    assert model.user_factors_.min() >= 0
    assert model.item_factors_.min() >= 0
    assert 1 < model.predict([0], [0])[0] < 6
    balanced = ExplicitALS(balanced=True).fit(sample)
    assert balanced.mean_ == pytest.approx(np.unique(sample.ratings).mean(), abs=0.01)
    assert ExplicitALS(non_negative=False).fit(sample).item_factors_.min() < 0


def test_biased_factors_predict_known_and_unknown_users_and_items():
    sample = tastes()
    model = BiasedFactors(factors=4).fit(sample)
    mean = sample.ratings.mean()
    assert model.predict([-1], [-1])[0] == pytest.approx(mean, abs=1e-4)
    assert model.predict([-1], [3])[0] == pytest.approx(mean + model.item_factors_[3, -1], abs=1e-4)
    assert model.predict([5], [-1])[0] == pytest.approx(mean + model.user_biases_[5], abs=1e-4)
    predicted = model.predict(np.repeat(np.arange(300), 80), np.tile(np.arange(80), 300))
    assert 1 <= predicted.min() <= predicted.max() <= 5
    with pytest.raises(TypeError, match="ranks, it does not rate"):
        Popularity().fit(sample).predict([0], [0])


def test_biases_equal_a_ridge_regression_of_two_indicators():
    sample = tastes(20, 10, each=6)
    model = BiasedFactors(factors=0, bias_regularization=2, iterations=60).fit(sample)
    design = np.zeros((len(sample), 30))
    design[np.arange(len(sample)), sample.users] = 1
    design[np.arange(len(sample)), 20 + sample.items] = 1
    centred = sample.ratings - sample.ratings.mean()
    expected = np.linalg.solve(design.T @ design + 2 * np.eye(30), design.T @ centred)
    np.testing.assert_allclose(model.user_biases_, expected[:20], atol=1e-3)
    np.testing.assert_allclose(model.item_factors_[:, -1], expected[20:], atol=1e-3)


def test_best_equals_a_full_sort():
    random = np.random.default_rng(0)
    scores = random.integers(-3, 4, (50, 30)).astype(np.float32)
    scores[random.random((50, 30)) < 0.2] = -np.inf
    order = random.permutation(30).astype(np.int32)
    items, result = best(scores, 6, order)
    ranked = np.lexsort((np.broadcast_to(-order, scores.shape), -scores))
    np.testing.assert_array_equal(items, ranked[:, :6])
    np.testing.assert_array_equal(result, np.take_along_axis(scores, ranked[:, :6], 1))
    stored = csr_matrix(np.where(np.isfinite(scores), scores, 0))
    dense = stored.toarray()
    dense[dense == 0] = -np.inf
    for part, whole in zip(best(stored, 6, order), best(dense, 6, order), strict=True):
        np.testing.assert_array_equal(part, whole)


def test_best_of_many_columns_equals_a_full_sort_with_ties_by_priority():
    random = np.random.default_rng(0)
    scores = random.integers(0, 60, (9, 3_000)).astype(np.float32)
    scores[0, 5:], scores[1] = -np.inf, 7
    scores[2, 100:] = -np.inf
    priority = random.permutation(3_000).astype(np.int32)
    few = np.full_like(scores, -np.inf)
    few[3, :2_000], few[4, :3] = scores[3, :2_000] + 1, [2, 1, 2]
    stored = csr_matrix(np.where(np.isfinite(few), few, 0))
    for given, whole, k in (*((scores, scores, k) for k in (3, 10, 40)), (stored, few, 10)):
        items, result = best(given, k, priority)
        for row, candidates in enumerate(whole):
            order = np.lexsort((-priority, -candidates))[:k]
            order = order[np.isfinite(candidates[order])]
            assert items[row, : len(order)].tolist() == order.tolist()
            assert (items[row, len(order) :] == NO_ITEM).all()
            np.testing.assert_array_equal(result[row, : len(order)], candidates[order])


def test_best_by_chunks_equals_a_full_sort():
    random = np.random.default_rng(0)
    scores = random.normal(size=(7, 5_000)).astype(np.float32)
    scores[0, 5:] = -np.inf
    for k in (3, 10, 40):
        items, result = best_by_chunks(scores, k)
        expected = np.argsort(-scores, axis=1)[:, :k]
        np.testing.assert_array_equal(items[1:], expected[1:])
        np.testing.assert_array_equal(result[1:], np.take_along_axis(scores, expected, 1)[1:])
        assert items[0, :5].tolist() == np.argsort(-scores[0, :5])[:k].tolist()
        assert (items[0, 5:] == NO_ITEM).all()


def test_shares_of_the_fused_methods_add_up_to_one():
    hybrid = Hybrid().fit(tastes(60, 12))

    assert set(hybrid.shares()) == set(hybrid.members_)
    assert sum(hybrid.shares().values()) == pytest.approx(1)
    assert ImplicitALS(factors=4).fit(tastes(30, 12)).shares() == {}
