"""What engines are known to read differently ends the same on both."""

import pytest

from amazon_reviews.pipeline.subjects import PRODUCTS, REVIEWS
from amazon_reviews_tests.engines.compare import cleaned, differences
from amazon_reviews_tests.engines.hostile import product_lines, review_lines


@pytest.mark.parametrize(
    ("subject", "lines"),
    [(REVIEWS, review_lines()), (PRODUCTS, product_lines())],
    ids=["reviews", "products"],
)
def test_hostile_lines_end_the_same(sail, jvm, subject, lines):
    types, by_sail = cleaned(sail, subject, lines)
    types_of_jvm, by_jvm = cleaned(jvm, subject, lines)

    assert types == types_of_jvm
    assert differences(lines, by_sail, by_jvm) == []
    assert len(by_sail) == len(by_jvm) == len(lines)
