"""The state of checks with many partitions, as the web server shows it."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus,
    AssetCheckPartitionInfo,
)
from dagster._core.storage.asset_check_state import AssetCheckState
from dagster._core.storage.dagster_run import DagsterRunStatus
from sqlalchemy import Engine, event

from amazon_reviews import config
from amazon_reviews.cli.common.dagster_instance import dagster_instance
from amazon_reviews.defs import instance as project_instance
from amazon_reviews_tests.dagster.project import environment

PARTITIONS = dg.DynamicPartitionsDefinition(name="parts")
KEY = dg.AssetCheckKey(dg.AssetKey("table"), "check")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """The instance of a new DAGSTER_HOME."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("project")
        patch.setenv("DAGSTER_HOME", str(root / "dagster"))
        with (
            dagster_instance(config.load(environment(Path(root)))) as instance,
            partition_loading_context(dynamic_partitions_store=instance),
        ):
            yield instance


def add_results(instance, *partitions):
    instance.add_dynamic_partitions("parts", [*partitions])
    for partition in partitions:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(KEY.asset_key, KEY.name, passed=True, partition=partition)
        )


def state(instance):
    return instance.event_log_storage.get_asset_check_state([(KEY, PARTITIONS)])[KEY]


def statements(instance):
    """Return the number of statements that find the state of a check."""
    done = []

    def add(*arguments):
        done.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", add)
    state(instance)
    event.remove(Engine, "before_cursor_execute", add)
    return len(done)


def test_every_process_of_a_project_has_its_instance(instance):
    with dg.DagsterInstance.get() as of_web_server:
        assert type(of_web_server) is project_instance.Instance
    with dg.DagsterInstance.from_ref(instance.get_ref()) as of_run:
        assert type(of_run) is project_instance.Instance


def test_state_of_a_check_takes_no_statement_for_each_partition(instance):
    add_results(instance, "a", "b")
    before = statements(instance)

    add_results(instance, *"cdefghij")

    assert statements(instance) == before
    passed = [subset for subset in state(instance).subsets.values() if not subset.is_empty]
    assert [subset.subset_value.subset for subset in passed] == [set("abcdefghij")]


@pytest.mark.parametrize("partitions", [PARTITIONS, None])
def test_state_of_a_check_is_that_of_dagster(instance, monkeypatch, partitions):
    random = Random(1)
    names = [f"partition_{number}" for number in range(100)]
    instance.add_dynamic_partitions("parts", names)
    records = [
        AssetCheckPartitionInfo(
            check_key=KEY,
            partition_key=name,
            latest_execution_status=random.choice([*AssetCheckExecutionRecordStatus]),
            latest_planned_run_id=f"run {number % 4}",
            latest_check_event_storage_id=number,
            latest_materialization_storage_id=random.choice([None, 1, 2]),
            latest_target_materialization_storage_id=random.choice([1, 2]),
        )
        for number, name in enumerate(random.sample([*names, "removed", None], 102))
    ]
    ended = {"run 1": DagsterRunStatus.FAILURE, "run 2": DagsterRunStatus.CANCELED}

    def updated():
        first = AssetCheckState.empty().with_updates(KEY, partitions, records[:60], {})
        # The later records are of the partitions of the earlier ones, and of more.
        return first.with_updates(KEY, partitions, records[::-1], ended)

    ours = updated()
    monkeypatch.setattr(
        project_instance.asset_check_state,
        "_process_partition_records",
        project_instance._add_one_result,
    )

    assert ours == updated()
    assert not any(subset.is_empty for subset in ours.subsets.values()) or partitions is None
