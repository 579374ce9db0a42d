"""Every mart compared with hand-written SQL over the same tables."""

import pytest

from amazon_reviews_tests.marts.building import BY_NAME, checked_mart
from amazon_reviews_tests.marts.reference_sql import NAMES

# These files have no alert in the last 90 days, no variants and no numbers of ratings, and random
# gold has no files.
QUIET = {"product_alerts", "product_variants", "product_coverage"}
WITHOUT_FILES = {"source_columns"}


def test_every_mart_has_a_reference_query():
    assert sorted([*BY_NAME, *WITHOUT_FILES]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_mart_of_a_sample_agrees_with_sql(spark, sampled, name):
    assert checked_mart(spark, sampled, name) or name in QUIET


@pytest.mark.parametrize("name", NAMES)
def test_mart_of_random_gold_agrees_with_sql(spark, crowded, name):
    assert checked_mart(spark, crowded, name) or name in WITHOUT_FILES


@pytest.mark.parametrize("name", NAMES)
def test_mart_of_real_files_agrees_with_sql(spark, real, name):
    assert checked_mart(spark, real, name) or name in QUIET
