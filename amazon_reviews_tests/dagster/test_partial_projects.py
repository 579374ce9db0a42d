"""Projects with missing, empty or rejected datasets: all possible tables are built."""

import itertools
from functools import reduce
from operator import xor

import pytest

from amazon_reviews.models.recommender.names import METHOD_NAMES, SERVED
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.resources.lakehouse.tables import row_count
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.dagster.partial import (
    DATASETS,
    EVENTS,
    FILES,
    PARTITIONS,
    PUBLISHED_KEYS,
    REVIEWED,
    STATES,
    check_api,
    check_pages,
    check_reports,
)
from amazon_reviews_tests.helpers import rows

# Only the recommender that is served: the others take as long as all other assets together.
SELECTION = "not ({})".format(
    " or ".join(f'key:"model/recommender_{name}"' for name in METHOD_NAMES if name != SERVED)
)


def combinations(free):
    """Yield states of the five datasets; each choice for any `free` of them occurs once.

    An orthogonal array: its columns are linear forms over the field of four elements, and any
    `free` of them are independent.
    """
    forms = {
        2: ((1, 0), (0, 1), (1, 1), (1, 2), (1, 3)),
        3: ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, 2, 3)),
    }
    for point in itertools.product(range(4), repeat=free):
        yield tuple(STATES[reduce(xor, map(multiplied, form, point))] for form in forms[free])


def multiplied(a, b):
    """Return the product in the field of four elements, in which 1, 2 and 3 are powers of 2."""
    return a and b and (1, 2, 3)[(a + b - 2) % 3]


def named(states):
    return "-".join(f"{state}_{dataset}" for dataset, state in zip(DATASETS, states, strict=True))


def test_the_combinations_contain_every_choice_of_states():
    for free in (2, 3):
        rows = list(combinations(free))
        for columns in itertools.combinations(range(len(DATASETS)), free):
            chosen = {tuple(row[column] for column in columns) for row in rows}
            assert len(chosen) == len(rows) == 4**free


def test_a_project_of_a_stream_is_built_as_far_as_possible(project_of, monkeypatch):
    states = ("absent", "rejected", "absent", "absent", "some")
    check_project(project_of(states), states, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize(
    "states",
    sorted(
        {
            *combinations(2),
            *combinations(3),
            *((state,) * len(DATASETS) for state in STATES),
            *itertools.product(("absent", "some"), repeat=len(DATASETS)),
        }
    ),
    ids=named,
)
def test_every_subset_and_every_three_states_are_built_as_far_as_possible(
    project_of, states, monkeypatch
):
    check_project(project_of(states), states, monkeypatch)


def check_project(project, states, monkeypatch):
    state_of = dict(zip(DATASETS, states, strict=True))
    first = project.run(SELECTION)
    again = project.run(SELECTION)

    assert again.stages == []
    assert first.failures == again.failures
    # A landing partition is a failure only if no line of it could be used.
    assert [failure.partition(":")[0] for failure in first.failures] == [
        f"silver/{dataset} {PARTITIONS[dataset]}"
        for dataset in FILES
        if state_of[dataset] == "rejected"
    ]
    assert all(" 0 of 2 lines could be used " in failure for failure in first.failures)
    assert all(account.balanced for account in reconcile_all(project.lakehouse))
    check_tables(project, state_of)
    check_reports(project)
    check_api(project)
    check_pages(project, monkeypatch)


def check_tables(project, state_of):
    warehouse = open_warehouse(project.settings.warehouse)
    assert set(warehouse.versions()) == PUBLISHED_KEYS
    some = {dataset for dataset, state in state_of.items() if state == "some"}
    expected = {
        "gold/reviews": len(REVIEWED) * ("reviews" in some) + len(EVENTS) * ("stream" in some),
        "gold/products": 2 * ("products" in some),
        "gold/titles": 2 * ("titles" in some),
    }
    for key, count in expected.items():
        assert warehouse.describe(key).rows == count
        assert row_count(project.lakehouse.delta(key)) == count
    rated = sum(count for (count,) in rows(project.lakehouse, "gold/titles", "ratings"))
    assert rated == 2 * ({"titles", "title_ratings"} <= some)
