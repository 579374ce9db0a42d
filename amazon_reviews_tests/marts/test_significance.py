"""Tests and intervals compared with scipy, and trends of brands whose chance is known."""

import random
from datetime import date

import numpy as np
import pytest
from pyspark.sql import functions as F
from scipy.stats import false_discovery_control, t

from amazon_reviews.transforms.marts.significance import t_95, two_sided_t, with_q_values
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
