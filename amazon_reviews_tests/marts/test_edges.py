"""Rare data: unrated reviews, unknown purchases, no products, edges of bands, ties."""

import random
from decimal import Decimal

import numpy as np
import pytest
from scipy.stats import permutation_test, ttest_ind

from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.transforms.marts.people import customer_phrases
from amazon_reviews_tests.marts.building import BY_NAME, checked_mart, product, put_gold, review
from amazon_reviews_tests.marts.reference_sql import NAMES

OF_PRODUCTS = [name for name, mart in BY_NAME.items() if "gold/products" in mart.inputs]


def by(rows, *names):
    return {tuple(row[name] for name in names): row for row in rows}


@pytest.fixture(scope="module")
def without_reviews(tmp_path_factory):
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("without_reviews")))
    put_gold(lakehouse, [], [product()])
    return lakehouse


@pytest.mark.parametrize("name", NAMES)
def test_mart_without_reviews_agrees_with_sql(spark, without_reviews, name):
    checked_mart(spark, without_reviews, name)


@pytest.fixture(scope="module")
def without_products(tmp_path_factory):
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("without_products")))
    put_gold(lakehouse, [review(), review(2.0, on=None), review(None, verified=None)])
    return lakehouse


@pytest.mark.parametrize("name", OF_PRODUCTS)
def test_mart_without_products_agrees_with_sql(spark, without_products, name):
    checked_mart(spark, without_products, name)


@pytest.fixture(scope="module")
def unrated(tmp_path_factory):
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("unrated")))
    streamed = review(None, on=None, verified=None, source="stream")
    put_gold(lakehouse, [review(None), streamed], [product()])
    return lakehouse


@pytest.mark.parametrize("name", NAMES)
def test_mart_of_unrated_reviews_agrees_with_sql(spark, unrated, name):
    checked_mart(spark, unrated, name)


def test_unrated_reviews_count_and_have_no_mean(spark, lakehouse):
    put_gold(lakehouse, [review(4.0, asin="A"), review(2.0, asin="A"), review(None, asin="B")])

    rows = by(checked_mart(spark, lakehouse, "product_ratings"), "asin")

    assert (rows["B",]["reviews"], rows["B",]["rated"]) == (1, 0)
    assert (rows["B",]["mean_stars"], rows["B",]["shrunk_stars"]) == (None, 3.0)
    assert [rows["B",][name] for name in ("positive", "neutral", "negative")] == [0, 0, 0]
    assert (rows["A",]["mean_stars"], rows["A",]["shrunk_stars"]) == (3.0, 3.0)


@pytest.mark.parametrize("source", ["batch", "stream"])
def test_freshness_of_a_single_source_has_one_row(spark, lakehouse, source):
    put_gold(lakehouse, [review(source=source), review(source=source, on=None)])

    (row,) = checked_mart(spark, lakehouse, "freshness")

    assert (row["source"], row["reviews"], row["share"], row["dated"]) == (source, 2, 1.0, 1)


def test_shrunk_mean_has_ten_prior_reviews(spark, lakehouse):
    put_gold(lakehouse, [review(1.0, asin="A")] * 5 + [review(5.0, asin="B")] * 15)

    rows = by(checked_mart(spark, lakehouse, "product_ratings"), "asin")

    assert rows["A",]["shrunk_stars"] == pytest.approx((10 * 4 + 5) / 15)
    assert rows["B",]["shrunk_stars"] == pytest.approx((10 * 4 + 75) / 25)


def test_half_stars_are_rounded_up(spark, lakehouse):
    stars = [1.0, 1.5, 2.5, 3.5, 4.4, 4.5, None]
    put_gold(lakehouse, [review(star) for star in stars])

    (row,) = checked_mart(spark, lakehouse, "product_ratings")

    assert [row[f"stars_{n}"] for n in range(1, 6)] == [1, 1, 1, 2, 1]


def test_credibility_compares_known_purchases_of_rated_reviews(spark, lakehouse):
    stars = [5.0, 4.0, 5.0, 4.0, 5.0, 5.0] * 2, [1.0, 2.0, 1.0, 3.0, 5.0] * 2
    verified = [review(star, verified=True) for star in (*stars[0], None)]
    others = [review(star, verified=False) for star in stars[1]]
    put_gold(lakehouse, [*verified, *others, *[review(1.0, verified=None)] * 9], [product()])

    rows = by(checked_mart(spark, lakehouse, "credibility"), "main_category")

    assert set(rows) == {("Patio",), ("All categories",)}
    row = rows["Patio",]
    assert (row["verified_rated"], row["unverified_rated"]) == (12, 10)
    known = ttest_ind(*stars, equal_var=False).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx(tuple(known), rel=1e-3)
    exact = permutation_test(stars, lambda a, b: np.mean(a) - np.mean(b), rng=3).pvalue
    assert exact / 2 < row["q_value"] < 3 * exact
    assert row["significant"] is True


def test_lucky_categories_are_no_credibility_gaps(spark, lakehouse):
    draws = random.Random(4)
    chances = {f"Even {number}": (0.9, 0.9) for number in range(40)} | {"Gap": (0.95, 0.3)}
    reviews = [
        review(5.0 if draws.random() < chance else 1.0, asin=name, verified=verified)
        for name, both in chances.items()
        for verified, chance in zip((True, False), both, strict=True)
        for _ in range(40)
    ]
    put_gold(lakehouse, reviews, [product(asin=name, main_category=name) for name in chances])

    rows = checked_mart(spark, lakehouse, "credibility")

    found = {row["main_category"] for row in rows if row["significant"]}
    outside = {row["main_category"] for row in rows if row["low"] > 0 or row["high"] < 0}
    assert found - {"All categories"} == {"Gap"}
    assert outside - {"All categories", "Gap"}


def test_side_with_few_reviews_gives_no_interval(spark, lakehouse):
    few = [review(1.0, verified=False)] * 9
    put_gold(lakehouse, [*[review(5.0), review(4.0)] * 10, *few])

    for row in checked_mart(spark, lakehouse, "credibility"):
        assert row["difference"] == 3.5
        assert [row[name] for name in ("low", "high", "significant")] == [None] * 3


def test_missing_vote_counts_as_one_only_in_its_column(spark, lakehouse):
    votes = [None, None, 0, 4]
    put_gold(lakehouse, [review(5.0, vote=vote) for vote in votes] + [review(None, vote=None)])

    rows = by(checked_mart(spark, lakehouse, "helpful_votes"), "stars")

    rated, unrated = rows[Decimal("5.0"),], rows[None,]
    assert (rated["reviews"], rated["voted"], rated["votes"]) == (4, 1, 4)
    assert (rated["mean_votes"], rated["mean_votes_missing_as_one"]) == (4.0, 1.5)
    assert (unrated["votes"], unrated["mean_votes"]) == (0, None)
    assert unrated["mean_votes_missing_as_one"] == 1.0


def test_price_bands_exclude_their_upper_end(spark, lakehouse):
    prices = ["4.99", "5.00", "249.99", "250.00", "500.00", None]
    products = [
        product(asin=f"B{number}", price=price and Decimal(price))
        for number, price in enumerate(prices)
    ]
    imputed = product(asin="B6", price=Decimal("5.00"), price_imputed=True)
    put_gold(lakehouse, [review(asin="B0"), review(asin="NONE")], [*products, imputed])

    rows = by(checked_mart(spark, lakehouse, "price_ratings"), "price_from", "price_imputed")

    assert {band: (row["products"], row["reviews"]) for band, row in rows.items()} == {
        (0, False): (1, 1),
        (5, False): (1, 0),
        (5, True): (1, 0),
        (100, False): (1, 0),
        (250, False): (1, 0),
        (500, False): (1, 0),
        (None, None): (1, 1),
    }
    assert [rows[start, False]["price_to"] for start in (250, 500)] == [500, None]
    assert rows[None, None]["price_to"] is None


def test_length_bands_include_both_ends(spark, lakehouse):
    counts = [0, 1, 5, 6, 500, 501]
    put_gold(lakehouse, [review(word_count=n, char_count=max(0, 5 * n - 1)) for n in counts])

    rows = by(checked_mart(spark, lakehouse, "review_lengths"), "length_from", "length_to")

    assert {band: row["reviews"] for band, row in rows.items()} == {
        (0, 0): 1,
        (1, 5): 2,
        (6, 10): 1,
        (201, 500): 1,
        (501, None): 1,
    }
    assert rows[0, 0]["mean_word_length"] is None
    assert rows[1, 5]["mean_word_length"] == 4.0


def test_ties_are_ordered_by_text(spark, lakehouse):
    texts = ["b", "a", "B", "é", "z", "", None]
    put_gold(
        lakehouse,
        [
            review(summary=text, reviewer_name=text, reviewer_id=f"R{n}")
            for text in [*texts, "z"]
            for n in range(5)
        ],
    )

    for name, column in (("summaries", "summary"), ("reviewer_names", "reviewer_name")):
        rows = checked_mart(spark, lakehouse, name)
        ranked = [row[column] for row in sorted(rows, key=lambda row: row["place"])]
        assert ranked == ["z", "B", "a", "b", "é"]
        assert max(row["share"] for row in rows) == 0.25


def test_names_of_fewer_than_five_reviewers_are_left_out(spark, lakehouse):
    names = [("four", n % 4) for n in range(40)] + [("five", n) for n in range(5)]
    put_gold(lakehouse, [review(reviewer_name=name, reviewer_id=f"R{n}") for name, n in names])

    (row,) = checked_mart(spark, lakehouse, "reviewer_names")

    assert (row["place"], row["reviewer_name"], row["reviews"]) == (1, "five", 5)
    assert row["share"] == pytest.approx(5 / 45)


def test_phrases_have_fifty_customers_of_twenty_summaries(spark, lakehouse):
    often = [review(summary=f"S{n}", reviewer_id=f"R{n}") for n in range(25) for _ in range(25 - n)]
    many = [review(summary="S0", reviewer_id=f"X{n:02}") for n in range(60)]
    put_gold(lakehouse, [*often, *many])

    rows = checked_mart(spark, lakehouse, "customer_phrases")

    assert {row["summary"] for row in rows} == {f"S{n}" for n in range(20)}
    first = sorted(
        (row["place"], row["reviewer_id"], row["uses"]) for row in rows if row["summary"] == "S0"
    )
    assert first[:3] == [(1, "R0", 25), (2, "X00", 1), (3, "X01", 1)]
    assert len(first) == 50


def test_uses_of_a_phrase_add_up_over_partitions(spark):
    uses = {
        "partition_1": {"A": 3, "B": 2, "C": 1} | {f"X{n:02}": 5 for n in range(60)},
        "partition_2": {"A": 3, "B": 3},
    }
    phrases = spark.createDataFrame(
        [
            (partition, "S", reviewer, number)
            for partition, reviewers in uses.items()
            for reviewer, number in reviewers.items()
        ],
        "partition string, summary string, reviewer_id string, uses bigint",
    )
    summaries = spark.createDataFrame([(1, "S")], "place int, summary string")

    rows = customer_phrases(phrases, summaries).orderBy("place").collect()

    first = [("S", 1, "A", 6), ("S", 2, "B", 5), ("S", 3, "X00", 5)]
    assert [tuple(row) for row in rows[:3]] == first
    assert len(rows) == 50
