"""Tests and intervals compared with scipy, and trends of brands whose chance is known."""

import random
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import functions as F
from scipy.stats import false_discovery_control, fisher_exact, hypergeom, t

from amazon_reviews.serving.queries.excess import with_excess
from amazon_reviews.transforms.marts.significance import (
    difference_95,
    fisher_p_value,
    t_95,
    two_sided_shares,
    two_sided_t,
    with_q_values,
)
from amazon_reviews_tests.marts.building import checked_mart, product, put_gold, review


def test_p_values_and_intervals_agree_with_the_t_distribution(spark):
    values = [(x, float(n)) for x in (0.1, 1.0, 2.0, 3.0, 4.0) for n in (2, 3, 10, 28, 190)]
    frame = spark.createDataFrame(values, "t double, freedom double")
    columns = F.col("t"), F.col("freedom")
    rows = frame.select(
        *columns, two_sided_t(*columns).alias("p"), t_95(columns[1]).alias("half")
    ).collect()

    for row in rows:
        p, half = 2 * t.sf(row.t, row.freedom), t.ppf(0.975, row.freedom)
        assert row.p == pytest.approx(p, abs=3e-5 if row.freedom >= 28 else 4e-3)
        assert half * 0.9999 < row.half < half * (1.0001 if row.freedom >= 28 else 1.041)


def test_q_values_agree_with_benjamini_and_hochberg(spark):
    draws = np.random.default_rng(5)
    p_values = [*draws.random(200), *draws.random(20) / 1000, 0.2, 0.2, 0.2, 1.0]
    frame = spark.createDataFrame(
        [(number, float(p)) for number, p in enumerate(p_values)] + [(999, None)],
        "number int, p_value double",
    )

    q_values = {row.number: row.q_value for row in with_q_values(frame).collect()}

    assert q_values.pop(999) is None
    known = dict(enumerate(false_discovery_control(p_values)))
    assert q_values == pytest.approx(known, rel=1e-9)


def test_q_values_up_to_a_rate_agree_with_those_of_all_rows(spark):
    choose = random.Random(2)
    p_values = [choose.random() ** 4 for _ in range(300)] + [0.001] * 20 + [1.0] * 80
    tests = spark.createDataFrame(list(enumerate(p_values)), ["test", "p_value"])

    rows = {row["test"]: row["q_value"] for row in with_q_values(tests, 0.05).collect()}

    q_values = false_discovery_control(p_values)
    expected = {test: q for test, q in enumerate(q_values) if q <= 0.05}
    assert 30 < len(expected) < 300
    assert {test: q for test, q in rows.items() if q <= 0.05} == pytest.approx(expected)


def test_only_brands_with_a_real_trend_rise_or_fall(spark, lakehouse):
    draws = random.Random(3)
    slopes = {f"Steady {number}": 0.0 for number in range(100)} | {"Up": 0.9, "Down": -0.9}
    reviews = []
    for brand, slope in slopes.items():
        months = 80 if slope else 40
        for month in range(months):
            satisfied = draws.random() < 0.5 + slope * (month / months - 0.5)
            stars = 5.0 if satisfied else draws.choice([1.0, 2.0])
            reviews.append(review(stars, date(2012 + month // 12, 1 + month % 12, 1), asin=brand))
    put_gold(lakehouse, reviews, [product(asin=brand, brand=brand) for brand in slopes])

    rows = {row["brand"]: row for row in checked_mart(spark, lakehouse, "brand_trends")}

    # By chance alone, about 5 of 100 brands have such p-values.
    lucky = [name for name, row in rows.items() if row["p_value"] < 0.05 and slopes[name] == 0]
    assert lucky
    found = {name: row["trend"] for name, row in rows.items() if row["trend"] != "flat"}
    assert found == {"Up": "rising", "Down": "falling"}
    assert rows["Up"]["low"] > 0 > rows["Down"]["high"]


def test_interval_of_a_difference_agrees_with_newcombe(spark):
    # Table II of the paper, examples a, d, f and h.
    known = {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (10, 10, 0, 20): (0.6791, 1.0000),
        (10, 10, 0, 10): (0.6075, 1.0000),
    }
    counts = [tuple(map(float, row)) for row in known]
    frame = spark.createDataFrame(counts, "a double, b double, c double, d double")

    rows = frame.select(*difference_95(*map(F.col, "abcd"))).collect()

    assert [tuple(row) for row in rows] == [
        pytest.approx(ends, abs=5e-5) for ends in known.values()
    ]


def test_p_value_of_two_shares_is_near_the_exact_one(spark):
    cells = [(1, 1, 60, 1_000), (0, 5, 60, 1_000), (10, 20, 60, 1_000), (9, 60, 60, 1_000)]
    cells += [(150, 2_000, 60, 1_000), (3, 4, 10, 40), (0, 3, 0, 9), (300, 1_000, 60, 1_000)]
    counts = [tuple(map(float, row)) for row in cells]
    frame = spark.createDataFrame(counts, "a double, b double, c double, d double")

    rows = frame.select(two_sided_shares(*map(F.col, "abcd")).alias("p")).collect()

    for cell, row in zip(cells, rows, strict=True):
        part, whole, others, other_whole = cell
        exact = fisher_exact([[part, whole - part], [others, other_whole - others]]).pvalue
        assert 0.8 * exact < row.p < 4 * exact, cell


def test_categories_are_ranked_by_excess_and_not_by_size(spark, lakehouse):
    sizes = {"Large": 1_000, "Medium": 400, "Poor": 200, "Tiny": 1, "Unknown": 1_000}
    negative = {"Large": 100, "Medium": 40, "Poor": 60, "Tiny": 1, "Unknown": 100}
    reviews = [
        review(1.0 if number < negative[name] else 5.0, asin=name)
        for name, size in sizes.items()
        for number in range(size)
    ]
    put_gold(lakehouse, reviews, [product(asin=n, main_category=n) for n in sizes])

    mart = checked_mart(spark, lakehouse, "category_ratings")
    rows = {row["main_category"]: row for row in mart}

    # The dashboard computes the same from filtered counts.
    counts = pa.Table.from_pylist(
        [{name: row[name] for name in ("main_category", "rated", "negative")} for row in mart]
    )
    for row, queried in zip(mart, with_excess(counts).to_pylist(), strict=True):
        assert queried == pytest.approx({name: row[name] for name in queried}, abs=1e-4)

    rate = 301 / 2_601
    excess = {name: row["excess_negative"] for name, row in rows.items()}
    known = {name: negative[name] - size * rate for name, size in sizes.items()}
    assert excess == pytest.approx(known | {"Unknown": None})
    assert max(filter(excess.get, excess), key=excess.get) == "Poor"
    assert {name for name, row in rows.items() if (row["q_value"] or 1) < 0.05} == {"Poor"}
    assert rows["Poor"]["excess_low"] > 0
    for name in ("Large", "Medium", "Poor", "Tiny"):
        assert rows[name]["excess_low"] < excess[name] < rows[name]["excess_high"]
    assert rows["Unknown"]["q_value"] is None


def test_a_single_category_has_no_excess(spark, lakehouse):
    put_gold(lakehouse, [review(1.0), review(5.0)], [product()])

    (row,) = checked_mart(spark, lakehouse, "category_ratings")

    assert (row["excess_negative"], row["excess_low"], row["q_value"]) == (None, None, None)


def test_p_value_of_fisher_is_at_least_that_of_the_exact_test_and_close_where_it_is_small(spark):
    choose = random.Random(1)
    tables = [(7, 8, 0, 10), (0, 5, 0, 10), (5, 5, 10, 10), (13, 13, 21, 588), (0, 9, 40, 10_000)]
    for size in (5, 40, 3_000):
        for earlier in (10, 600, 2_000_000):
            hits = choose.randint(0, size)
            tables += [(hits, size, choose.randint(0, earlier), earlier)]
            tables += [(hits, size, hits * earlier // size // 2, earlier)]
    columns = ["hits", "size", "other_hits", "other_size"]
    frame = spark.createDataFrame(tables, columns).select(
        "*", fisher_p_value(*map(F.col, columns)).alias("p_value")
    )

    for row in frame.collect():
        hits, size, others, earlier, p_value = row
        exact = hypergeom.sf(hits - 1, size + earlier, hits + others, size)
        assert exact <= p_value * (1 + 1e-6), row
        assert p_value <= 1
        if 1e-300 < exact < 0.05:
            assert p_value <= exact * 1.6, (row, exact)
