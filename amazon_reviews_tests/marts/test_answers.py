"""Every mart against the same question in hand-written SQL over the same tables."""

import pytest

from amazon_reviews_tests.marts.answers import NAMES
from amazon_reviews_tests.marts.making import BY_NAME, answered

# No product of these files stands out in its last 90 days, and random gold comes from no files.
QUIET = {"product_alerts"}
WITHOUT_FILES = {"source_columns"}


def test_every_mart_has_an_answer():
    assert sorted(BY_NAME) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_mart_of_a_generated_sample(spark, sampled, name):
    assert answered(spark, sampled, name) or name in QUIET


@pytest.mark.parametrize("name", NAMES)
def test_mart_of_random_gold(spark, crowded, name):
    assert answered(spark, crowded, name) or name in WITHOUT_FILES


@pytest.mark.parametrize("name", NAMES)
def test_mart_of_the_sources_own_files(spark, real, name):
    assert answered(spark, real, name) or name in QUIET
