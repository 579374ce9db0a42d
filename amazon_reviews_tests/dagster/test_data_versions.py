"""Dagster calls an asset unsynced when the planner has ready work for it."""

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from amazon_reviews_tests.dagster.project import LAYERS, Project

CHAIN = "key:bronze/reviews or key:silver/reviews or key:gold/reviews"
RECORD = {
    "reviewerID": "A1",
    "asin": "B000000001",
    "overall": 4.0,
    "reviewText": "It arrived late.",
    "summary": "Late",
    "unixReviewTime": 1500000000,
}


def unsynced(project: Project, select: str) -> set[tuple[str, str]]:
    """Return the outputs of built assets, with partition, that Dagster calls unsynced."""
    resolver = CachingStaleStatusResolver(
        project.instance, project.graph, LoadingContextForTest(project.instance)
    )
    found = set()
    for key in dg.AssetSelection.from_string(select).resolve(project.graph):
        partitions = project.instance.get_materialized_partitions(key) or {None}
        for partition in partitions:
            status = resolver.get_status(key, partition)
            if status == StaleStatus.STALE:
                found.add((key.to_user_string(), partition or ""))
    return found


def pending(project: Project, select: str) -> set[tuple[str, str]]:
    """Return the ready work of the planner."""
    plan = project.headless(select).plan()
    return {(work.key, work.partition) for work in plan.work if work.is_ready}


def test_nothing_is_unsynced_when_nothing_is_pending(all_done):
    assert unsynced(all_done, LAYERS) == pending(all_done, LAYERS) == set()


@pytest.mark.long
def test_unsynced_assets_are_the_pending_ones_after_a_change(project):
    assert not project.run().failures
    project.add_file("amazon_reviews", "partition_3", RECORD)
    seen = []
    for key in ("bronze/reviews", "silver/reviews", "gold/reviews"):
        assert project.materialize(key, partitions=["partition_3"]).success
        seen.append(unsynced(project, CHAIN))
        assert seen[-1] == pending(project, CHAIN)

    assert seen == [{("silver/reviews", "partition_3")}, {("gold/reviews", "partition_3")}, set()]
