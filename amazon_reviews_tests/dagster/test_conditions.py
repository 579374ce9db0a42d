"""Which tables follow by themselves, and which wait."""

from datetime import UTC, datetime
from functools import cache
from unittest.mock import patch

import dagster as dg
import pytest
from dagster._core.definitions.automation_tick_evaluation_context import build_run_requests
from dagster._core.definitions.partitions.context import partition_loading_context

from amazon_reviews.defs.assets import datasets as silver_assets
from amazon_reviews.defs.assets import gold as gold_assets
from amazon_reviews_tests.dagster.project import LAYERS, QUIET, copy_first_row
from amazon_reviews_tests.helpers import review

BOTH = ["partition_1", "partition_2"]


class Automation:
    """The automation sensor's ticks over a project at a time, and the runs that they ask for."""

    def __init__(self, project, select=LAYERS, now=None):
        self.project = project
        self.select = select
        self.now = now
        self.cursor = None
        self.requested = []

    def tick(self):
        """What is asked for: partitions by table, None for a whole table."""
        with self._partitions_read_once():
            result = dg.evaluate_automation_conditions(
                self.project.defs,
                self.project.instance,
                asset_selection=dg.AssetSelection.from_string(self.select),
                evaluation_time=self.now,
                cursor=self.cursor,
            )
        self.cursor = result.cursor
        self.requested = [
            found.true_subset for found in result.results if not found.true_subset.is_empty
        ]
        with self._partitions():
            return {
                subset.key.to_user_string(): sorted(subset.expensively_compute_partition_keys())
                if subset.is_partitioned
                else None
                for subset in self.requested
                if isinstance(subset.key, dg.AssetKey)
            }

    def _partitions_read_once(self):
        # A tick asks for them hundreds of times, for which the daemon has a cache of its own.
        once = cache(self.project.instance.get_dynamic_partitions)
        return patch.object(self.project.instance, "get_dynamic_partitions", once)

    def _partitions(self):
        # A run inside a tick leaves Dagster without the tick's own.
        return partition_loading_context(self.now or datetime.now(UTC), self.project.instance)

    def run_asked(self):
        """Run what the last tick asked for as the daemon does; returns the runs' results."""
        with self._partitions():
            requests = build_run_requests(
                self.requested, self.project.graph, {}, emit_backfills=True
            )
        return [self._run(request) for request in requests]

    def _run(self, request):
        job = self.project.job.get_subset(
            asset_selection=set(request.asset_selection),
            asset_check_selection=request.asset_check_keys and set(request.asset_check_keys),
        )
        return job.execute_in_process(
            instance=self.project.instance,
            tags={**request.tags, "dagster/from_automation_condition": "true"},
            run_config=QUIET,
            raise_on_error=False,
            resources=self.project.defs.resources,
        )

    def follow(self, requests):
        """Materialize what was asked for, tables of the same partitions in one run."""
        groups = {}
        for key, partitions in requests.items():
            groups.setdefault(tuple(partitions or ()), []).append(key)
        for partitions, keys in groups.items():
            assert self.project.materialize(*keys, partitions=partitions).success

    def settle(self):
        """Tick and follow until nothing is asked for; returns all that was."""
        ticks = []
        while requests := self.tick():
            ticks.append(requests)
            assert len(ticks) < 10, ticks
            self.follow(requests)
        return ticks


@pytest.fixture
def automation(project):
    project.add_all_partitions()
    automation = Automation(project)
    assert automation.tick() == {}
    return automation


@pytest.fixture
def settled(done):
    """Everything is materialized and known to the automation."""
    automation = Automation(done)
    assert automation.tick() == {}
    return automation


def test_empty_project_requests_no_run(empty):
    automation = Automation(empty)
    assert [automation.tick() for _ in range(3)] == [{}, {}, {}]


def test_unread_partitions_request_no_automation_run(automation):
    assert automation.tick() == {}


def test_reviews_follow_without_products_and_again_when_products_come(automation):
    automation.project.materialize("bronze/reviews", partitions=BOTH)

    assert automation.settle() == [
        {"silver/reviews": BOTH},
        {"gold/reviews": BOTH, "silver/rejected": None},
        {"warehouse/reviews": None},
    ]

    automation.project.materialize("bronze/products", partitions=["partition_1"])

    assert automation.settle() == [
        {"silver/products": ["partition_1"]},
        {"gold/products": None, "silver/rejected": None},
        {"gold/reviews": BOTH, "warehouse/products": None},
        {"warehouse/reviews": None},
    ]
    assert automation.tick() == {}


@pytest.mark.long
def test_everything_at_once_comes_to_rest_with_gold_complete(automation, all_done):
    names = [f"partition_{number}" for number in range(1, 6)]
    automation.project.materialize("bronze/reviews", partitions=names)
    automation.project.materialize("bronze/products", partitions=["partition_1"])

    automation.settle()

    assert automation.project.content() == all_done.content()
    assert automation.project.materialized("warehouse/reviews")


def test_tables_below_gold_wait_for_its_checks_in_the_same_run(settled):
    project = settled.project
    project.add_file("amazon_reviews", "partition_3", review())
    project.materialize("bronze/reviews", partitions=["partition_3"])
    for table in ("silver/reviews", "gold/reviews"):
        assert table in settled.tick()
        assert all(run.success for run in settled.run_asked())
    before = project.materialized("warehouse/reviews")
    copy_first_row(project.lakehouse.delta("gold/reviews"))

    assert settled.tick() == {"warehouse/reviews": None}
    (result,) = settled.run_asked()

    made = {found.check_name: found.passed for found in result.get_asset_check_evaluations()}
    assert made == {
        "product_found": True,
        "ranges": True,
        "schema": True,
        "unique": False,
    }
    assert project.materialized("warehouse/reviews") == before


def test_good_partitions_of_a_range_with_a_bad_file_are_built(automation):
    automation.project.break_off("amazon_reviews", "partition_2")
    names = [f"partition_{number}" for number in range(1, 5)]
    automation.project.materialize("bronze/reviews", partitions=names)

    first = automation.tick()

    good = ["partition_1", "partition_3", "partition_4"]
    assert first == {"silver/reviews": good}


def test_only_the_changed_partition_is_requested(settled):
    project = settled.project
    project.add_file("amazon_reviews", "partition_3", review())
    project.materialize("bronze/reviews", partitions=["partition_3"])

    assert settled.settle() == [
        {"silver/reviews": ["partition_3"]},
        {"gold/reviews": ["partition_3"], "silver/rejected": None},
        {"warehouse/reviews": None},
    ]


def test_missing_tables_are_requested_at_the_first_tick(project):
    project.add_all_partitions()
    project.materialize("bronze/reviews", partitions=BOTH)

    assert Automation(project).tick() == {"silver/reviews": BOTH}


def test_running_assets_are_not_requested_again(automation, monkeypatch):
    meanwhile = []
    build_silver = silver_assets.build_silver

    def watched(*args):
        meanwhile.append(automation.tick())
        return build_silver(*args)

    monkeypatch.setattr(silver_assets, "build_silver", watched)
    automation.project.materialize("bronze/reviews", partitions=BOTH)
    requests = automation.tick()
    automation.follow(requests)

    assert meanwhile == [{}]
    assert automation.tick() == {"gold/reviews": BOTH, "silver/rejected": None}
    assert automation.tick() == {}


def test_change_above_a_running_table_is_requested_after_the_run(settled, monkeypatch):
    project = settled.project
    project.add_file("amazon_reviews", "partition_3", review())
    project.materialize("bronze/reviews", "silver/reviews", partitions=["partition_3"])
    build_silver = gold_assets.build_gold_reviews

    def meanwhile(*args, **options):
        done = list(build_silver(*args, **options))
        with monkeypatch.context() as patch:
            patch.setattr(gold_assets, "build_gold_reviews", build_silver)
            project.materialize("silver/reviews", partitions=["partition_3"])
        assert "gold/reviews" not in settled.tick()
        return done

    assert settled.tick()["gold/reviews"] == ["partition_3"]
    with monkeypatch.context() as patch:
        patch.setattr(gold_assets, "build_gold_reviews", meanwhile)
        assert all(run.success for run in settled.run_asked())

    assert settled.tick()["gold/reviews"] == ["partition_3"]
    assert all(run.success for run in settled.run_asked())
    assert "gold/reviews" not in settled.tick()


def test_running_run_holds_back_requests_for_its_tables(automation, monkeypatch):
    """Somebody materializes silver by hand just when automation would ask for it."""
    meanwhile = []
    build_silver = silver_assets.build_silver

    def watched(*args):
        meanwhile.append(automation.tick())
        return build_silver(*args)

    automation.project.materialize("bronze/reviews", partitions=BOTH)
    monkeypatch.setattr(silver_assets, "build_silver", watched)
    automation.project.materialize("silver/reviews", partitions=BOTH)

    assert meanwhile == [{}]
    assert automation.tick() == {"gold/reviews": BOTH, "silver/rejected": None}


def test_failed_blocking_check_holds_back_the_tables_below(automation, monkeypatch):
    project = automation.project
    project.materialize("bronze/reviews", partitions=BOTH)
    with monkeypatch.context() as patch:
        patch.setattr(silver_assets, "build_silver", losing_a_row(project))
        assert not project.materialize("silver/reviews", partitions=BOTH).success
    assert automation.tick() == {}
    assert automation.tick() == {}

    assert project.materialize("silver/reviews", partitions=BOTH).success

    assert automation.tick() == {"gold/reviews": BOTH, "silver/rejected": None}


def losing_a_row(project):
    """A build_silver that loses the first line of every partition after it was counted."""
    build_silver = silver_assets.build_silver

    def losing(*args):
        done = list(build_silver(*args))
        project.lakehouse.delta("silver/reviews").delete("line = 1")
        return done

    return losing
