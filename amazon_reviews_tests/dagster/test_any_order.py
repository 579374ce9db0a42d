"""Any order of events, kills, damage and manual work ends as a build from nothing."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from amazon_reviews_tests.dagster.any_order import ALL_MARTS, SOME_MARTS, AnyOrder, World


def run(world, examples, steps, *, derandomize=True):
    """Run random sequences; they take too long to be made smaller after a failure."""
    run_state_machine_as_test(
        lambda: AnyOrder(world),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=derandomize,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_order_ends_as_a_build_from_nothing(tmp_path, spark):
    run(World(tmp_path, SOME_MARTS), examples=2, steps=5)


@pytest.mark.long
def test_long_orders_end_as_a_build_from_nothing(tmp_path, spark):
    run(World(tmp_path, ALL_MARTS, compared_at_once=True), examples=10, steps=12)
