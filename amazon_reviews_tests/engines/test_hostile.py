"""Hostile lines give the same rows on both engines."""

import pytest

from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS, TITLE_RATINGS, TITLES
from amazon_reviews_tests.engines.compare import cleaned, differences
from amazon_reviews_tests.engines.hostile import (
    product_lines,
    rating_records,
    review_lines,
    title_records,
)


@pytest.mark.parametrize(
    ("dataset", "lines"),
    [
        (REVIEWS, review_lines()),
        (PRODUCTS, product_lines()),
        (TITLES, title_records()),
        (TITLE_RATINGS, rating_records("1.0", "22.0", "")),
        (TITLE_RATINGS, rating_records("1.0", "1", "a.0")),
    ],
    ids=["reviews", "products", "titles", "ratings of whole users", "ratings"],
)
def test_engines_give_the_same_rows_for_hostile_lines(sail, jvm, dataset, lines):
    types, by_sail = cleaned(sail, dataset, lines)
    types_of_jvm, by_jvm = cleaned(jvm, dataset, lines)

    assert types == types_of_jvm
    assert differences(lines, by_sail, by_jvm) == []
    assert len(by_sail) == len(by_jvm) == len(lines)
