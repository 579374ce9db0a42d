"""Takeover of a project of an earlier release, whose tables have no records."""

import json
from pathlib import Path

import pytest

from amazon_reviews.resources.lakehouse import tables
from amazon_reviews_tests.dagster.project import LAYERS

_KINDS = ("version:", "input:", "check:")


@pytest.fixture
def earlier(done, monkeypatch):
    """A finished project without the records in its logs."""
    for commit in Path(done.settings.lakehouse).glob("*/*/_delta_log/*.json"):
        lines = commit.read_text().splitlines()
        kept = [line for line in lines if not _is_record(json.loads(line))]
        commit.write_text("".join(f"{line}\n" for line in kept))
    monkeypatch.setattr(tables, "_LOGS", {})
    assert done.lakehouse.versions("gold/reviews") == {}
    return done


def _is_record(action):
    return action.get("txn", {}).get("appId", "").startswith(_KINDS)


def test_tables_count_as_built_from_their_inputs_by_the_events_of_dagster(earlier):
    before = {key: earlier.materialized(key) for key in ("silver/reviews", "gold/reviews")}

    outcome = earlier.run(LAYERS)

    assert not outcome.failures
    assert {key: earlier.materialized(key) for key in before} == before
    assert earlier.run(LAYERS).nothing_new


def test_a_table_that_is_older_than_its_input_is_built_again(earlier):
    earlier.materialize("bronze/reviews", partitions=["partition_3"])
    for commit in Path(earlier.settings.lakehouse).glob("bronze/reviews/_delta_log/*.json"):
        lines = commit.read_text().splitlines()
        kept = [line for line in lines if not _is_record(json.loads(line))]
        commit.write_text("".join(f"{line}\n" for line in kept))
    tables._LOGS.clear()

    stages = {stage.name: stage.partitions for stage, _ in earlier.run(LAYERS).stages}

    assert stages["silver/reviews"] == ("partition_3",)
    assert stages["gold/reviews"] == ("partition_3",)
