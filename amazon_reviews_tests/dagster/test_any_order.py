"""Any order of events, kills, damage and manual work ends as a build from nothing."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from amazon_reviews_tests.dagster.any_order import (
    ALL_MARTS,
    SOME_MARTS,
    AnyOrder,
    World,
    assert_same,
    content,
)
from amazon_reviews_tests.dagster.project import LAYERS


def run(world, examples, steps):
    """Run the same random sequences each time; to make a failing one smaller would take hours."""
    run_state_machine_as_test(
        lambda: AnyOrder(world),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.long
def test_any_order_ends_as_a_build_from_nothing(tmp_path, spark):
    run(World(tmp_path, SOME_MARTS), examples=2, steps=3)


@pytest.mark.long
def test_long_orders_end_as_a_build_from_nothing(tmp_path, spark):
    run(World(tmp_path, ALL_MARTS, compared_at_once=True), examples=10, steps=12)


@pytest.fixture
def built(tmp_path, spark):
    """A project that is up to date, in which a product is in two partitions."""
    machine = AnyOrder(World(tmp_path, LAYERS))
    machine.upload("products", "partition_1", [0, 2])
    machine.upload("products", "partition_2", [1])
    machine.run()
    yield machine
    machine.closing.close()


def test_lost_duplicates_of_products_are_found_again(built):
    before = content(built.project)
    for path in built.files.paths("gold/duplicates"):
        built.files.remove(path)

    built.run()

    assert_same(content(built.project), before)


def test_a_table_with_a_cut_log_is_built_again(built):
    before = content(built.project)
    commits = [path for path in built.files.paths("gold/products") if path.endswith(".json")]
    built.files.cut(commits[-1], -5)

    built.run()

    assert_same(content(built.project), before)
