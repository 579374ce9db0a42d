"""Drops of the stars in real files: those that people saw, and few others."""

import gzip
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from amazon_reviews_tests.marts.building import checked_mart, put_gold, review

DROPPED = {"B0012Y0ZG2", "B00006L9LC", "B000URXP6E", "B001OHV1H4"}
"""Beauty products whose reviews of spring 2018 complain of burns."""


@pytest.fixture(scope="module")
def reviews():
    """Return the distinct reviews of all real files as rows of gold/reviews."""
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    distinct = {}
    for file in sorted(Path(folder, "reviews").rglob("*.json.gz")):
        with gzip.open(file, "rb") as lines:
            for record in map(json.loads, lines):
                names = ("reviewerID", "asin", "overall", "reviewText", "summary")
                distinct[tuple(record.get(name) for name in names)] = record["unixReviewTime"]
    return [
        review(stars or None, datetime.fromtimestamp(seconds, UTC).date(), asin=asin)
        for (_, asin, stars, *_), seconds in distinct.items()
    ]


@pytest.mark.parametrize("day", [date(2018, 5, 15), date(2018, 12, 31)])
def test_the_beauty_products_of_spring_2018_are_found(spark, lakehouse, reviews, day):
    put_gold(lakehouse, [row for row in reviews if row["reviewed_on"] <= day])

    rows = {row["asin"]: row for row in checked_mart(spark, lakehouse, "product_alerts")}

    assert rows.keys() >= DROPPED
    assert {rows[asin]["begins_on"] for asin in DROPPED} == {date(2018, 3, 1)}
    assert all(rows[asin]["rating_drop"] > 1 and rows[asin]["low"] > 0 for asin in DROPPED)
    # Of about 470 months that are tested.
    assert len(rows) <= len(DROPPED) + 3
