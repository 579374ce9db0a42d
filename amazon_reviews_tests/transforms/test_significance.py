"""Fisher's test and q-values, compared with those of scipy."""

import random

import pytest
from pyspark.sql import functions as F
from scipy.stats import false_discovery_control, hypergeom

from amazon_reviews.transforms.significance import fisher_p_value, significant


def test_p_value_is_at_least_that_of_the_exact_test_and_close_where_it_is_small(spark):
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


def test_q_values_are_those_of_benjamini_and_hochberg(spark):
    choose = random.Random(2)
    p_values = [choose.random() ** 4 for _ in range(300)] + [0.001] * 20 + [1.0] * 80
    tests = spark.createDataFrame(list(enumerate(p_values)), ["test", "p_value"])

    rows = {row["test"]: row["q_value"] for row in significant(tests, ["test"], 0.05).collect()}

    q_values = false_discovery_control(p_values)
    expected = {test: q for test, q in enumerate(q_values) if q <= 0.05}
    assert 30 < len(expected) < 300
    assert rows == pytest.approx(expected)
