"""Every mart against the same question in hand-written SQL over the same tables."""

import pytest

from amazon_reviews_tests.marts.answers import NAMES, answer, reading
from amazon_reviews_tests.marts.compare import assert_same_rows
from amazon_reviews_tests.marts.making import BY_NAME, made

# What the data of these lakehouses does not hold; `test_alerts` and the like do.
EMPTY = {"product_alerts"}


def assert_answered(spark, lakehouse, name):
    with reading(lakehouse) as db:
        expected = answer(db, name)
    assert expected.num_rows or name in EMPTY
    assert_same_rows(made(spark, lakehouse, name), expected)


def test_every_mart_has_an_answer():
    assert sorted(BY_NAME) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_mart_of_a_generated_sample(spark, sampled, name):
    assert_answered(spark, sampled, name)


@pytest.mark.parametrize("name", NAMES)
def test_mart_of_the_sources_own_files(spark, real, name):
    assert_answered(spark, real, name)
