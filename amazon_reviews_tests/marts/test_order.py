"""Marts of the same rows in another order: equal to the last bit, most of them as files too."""

import random
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from amazon_reviews.pipeline.marts import MARTS, SENTIMENT_MARTS, MartBuilder
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.schemas.sentiment import SENTIMENT_PREDICTIONS
from amazon_reviews_tests.helpers import BATCH_ROWS
from amazon_reviews_tests.marts import random_gold
from amazon_reviews_tests.marts.building import put_gold

WITH_MEANS = (
    "category_products",
    "review_counts",
    "seasons",
    "category_ratings",
    "sentiment_categories",
)
ALL = {mart.name: mart for mart in (*MARTS, *SENTIMENT_MARTS)}


@pytest.fixture(scope="module")
def ordered_and_shuffled(tmp_path_factory):
    """Two lakehouses with the same gold, in the second one shuffled."""
    choose = random.Random(11)
    products, reviews = random_gold.products(choose), random_gold.reviews(choose)
    for number, row in enumerate(reviews):
        row["review_id"] = f"{number:032x}"
    lakehouses = []
    for name in ("ordered", "shuffled"):
        lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp(name)))
        put_gold(lakehouse, reviews, products)
        put_predictions(lakehouse, reviews)
        lakehouses.append(lakehouse)
        for rows in (products, reviews):
            choose.shuffle(rows)
    return lakehouses


def put_predictions(lakehouse, reviews):
    draw = np.random.default_rng(5)
    probabilities = dict(
        zip(sorted(r["review_id"] for r in reviews), draw.random(6_000), strict=True)
    )
    names = ("review_id", "asin", "overall", "sentiment", "reviewed_on", "source", "partition")
    rows = [
        {
            **{name: row.get(name) for name in names},
            "main_category": row["asin"][:2],
            "predicted": "positive",
            "positive": probabilities[row["review_id"]],
            "expected_stars": 1 + 4 * probabilities[row["review_id"]],
        }
        for row in reviews
    ]
    table = pa.Table.from_pylist(rows, SENTIMENT_PREDICTIONS.arrow_schema)
    lakehouse.write(table, SENTIMENT_PREDICTIONS.key, replacing=ALL_ROWS)


def built(spark, lakehouse, names):
    """Build marts; return the checksums of the files of each, or of the sorted rows of large ones.

    Floats are compared by all of their digits.
    """
    builder = MartBuilder(spark, lakehouse, BATCH_ROWS, [*ALL.values()])
    for name in names:
        builder.build(ALL[name])
    return {name: checksums(lakehouse, ALL[name]) for name in names}


def checksums(lakehouse, mart):
    if mart.sort_by:
        rows = lakehouse.delta(mart.key).to_pyarrow_table().to_pylist()
        return sorted(map(repr, rows))
    paths = [uri.removeprefix("file://") for uri in lakehouse.delta(mart.key).file_uris()]
    return sorted(sha256(Path(path).read_bytes()).hexdigest() for path in paths)


def test_means_do_not_depend_on_the_order_of_the_rows(spark, ordered_and_shuffled):
    first, second = (built(spark, one, WITH_MEANS) for one in ordered_and_shuffled)

    assert first == second


@pytest.mark.long
def test_no_mart_depends_on_the_order_of_the_rows(spark, ordered_and_shuffled):
    first, second = (built(spark, one, ALL) for one in ordered_and_shuffled)

    assert first == second
    assert sum(map(len, first.values())) > len(ALL) / 2
