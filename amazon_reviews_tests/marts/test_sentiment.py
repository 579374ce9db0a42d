"""Marts of predicted sentiment compared with SQL of DuckDB."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from amazon_reviews.pipeline.marts import SENTIMENT_MARTS, MartBuilder
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS
from amazon_reviews.schemas.sentiment import SENTIMENT_PREDICTIONS
from amazon_reviews_tests.helpers import BATCH_ROWS
from amazon_reviews_tests.marts.compare import assert_same_rows
from amazon_reviews_tests.marts.reference_sql import add_view, reading

BY_NAME = {mart.name.removeprefix("sentiment_"): mart for mart in SENTIMENT_MARTS}
GROUPS = {
    "categories": "main_category",
    "brands": "brand",
    "products": "asin",
    "years": "year(reviewed_on) AS year, source",
}
ANSWER = """
SELECT {group},
    count(*) AS reviews,
    count_if(predicted = 'negative') AS negative,
    count_if(predicted = 'neutral') AS neutral,
    count_if(predicted = 'positive') AS positive,
    count_if(predicted = 'negative') / count(*) AS negative_share,
    avg(positive) AS mean_positive,
    avg(expected_stars) AS expected_stars,
    avg(overall::DOUBLE) AS mean_stars,
    count_if(predicted || sentiment IN ('negativepositive', 'positivenegative')) AS contradictions
FROM predictions GROUP BY ALL
"""


@pytest.fixture
def with_predictions(lakehouse):
    """A lakehouse with made-up predictions, some of them of reviews without stars or day."""
    random = np.random.default_rng(0)
    labels = ("negative", "neutral", "positive")
    rows = []
    for number in range(600):
        stars = random.choice([None, 1, 2, 3, 4, 5])
        sentiment = None if stars is None else labels[0 if stars < 3 else 1 if stars == 3 else 2]
        days = int(random.integers(0, 2_000))
        rows.append(
            {
                "review_id": f"{number:032x}",
                "asin": f"B{random.integers(40)}",
                "brand": random.choice(["Acme", "Unknown", None]),
                "main_category": random.choice(["Books", "Toys"]),
                "overall": None if stars is None else Decimal(stars),
                "sentiment": sentiment,
                "reviewed_on": date(2012, 1, 1) + timedelta(days) if days % 9 else None,
                "source": random.choice(["batch", "stream"]),
                "predicted": random.choice(labels),
                "positive": random.random(),
                "expected_stars": 1 + 4 * random.random(),
                "model_version": "abc",
                "partition": "partition_1",
            }
        )
    table = pa.Table.from_pylist(rows, SENTIMENT_PREDICTIONS.arrow_schema)
    lakehouse.write(table, SENTIMENT_PREDICTIONS.key, replacing=ALL_ROWS)
    return lakehouse


@pytest.mark.parametrize("name", BY_NAME)
def test_mart_of_random_predictions_agrees_with_sql(spark, with_predictions, name):
    mart = BY_NAME[name]
    MartBuilder(spark, with_predictions, BATCH_ROWS, SENTIMENT_MARTS).build(mart)

    with reading(with_predictions) as db:
        add_view(db, with_predictions, "predictions", SENTIMENT_PREDICTIONS.key)
        expected = db.sql(ANSWER.format(group=GROUPS[name])).to_arrow_table()
    schema = mart.arrow_schema
    actual = with_predictions.delta(mart.key).to_pyarrow_table()
    assert_same_rows(actual, expected.select(schema.names).cast(schema))
    assert actual.num_rows > 1


@pytest.mark.parametrize("name", BY_NAME)
def test_mart_of_no_predictions_is_empty(spark, lakehouse, name):
    MartBuilder(spark, lakehouse, BATCH_ROWS, SENTIMENT_MARTS).build(BY_NAME[name])

    assert lakehouse.delta(BY_NAME[name].key).to_pyarrow_table().num_rows == 0
