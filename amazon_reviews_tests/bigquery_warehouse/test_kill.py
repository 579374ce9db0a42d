"""Killed loads, concurrent loads, and readers during loads."""

import os
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from threading import Barrier

import pytest

from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.bigquery import jobs, load
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.bigquery_warehouse.common import (
    SWAP,
    UPLOAD,
    URL,
    count_requests,
    job_steps,
    newest,
    numbers_of,
    staging_tables,
)
from amazon_reviews_tests.resources.deltas import delta, numbers, replace_partition

# Forked from a process with all imports, since importing takes seconds.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__, "pandas", "pyarrow.dataset"])


def load_one_by_one(endpoint, version):
    os.environ["BIGQUERY_EMULATOR_HOST"] = endpoint
    jobs._PART_BYTES = load._UPLOADS = 1
    open_warehouse(URL).load([version])


def kill_at(emulator, pattern, version, *, done, nth=1):
    """Kill a load at its nth request of a kind, before or after its execution."""
    hold = emulator.hold(pattern, done=done, skip=nth - 1)
    load = PROCESSES.Process(target=load_one_by_one, args=(emulator.url, version))
    load.start()
    assert hold.reached.wait(60)
    load.kill()
    load.join()
    hold.release.set()


MOMENTS = {
    "staging created": (r"POST .*/tables$", 1),
    "first file": (UPLOAD, 1),
    "last file": (UPLOAD, 3),
    "counted": ("SELECT count", 1),
    "swap": (SWAP, 1),
    "cleaned up": (r"DELETE .*/tables/", 1),
}


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_load_after_a_kill_loads_nothing_twice(emulator, warehouse, three_files, moment, done):
    pattern, nth = MOMENTS[moment]
    kill_at(emulator, pattern, three_files, done=done, nth=nth)
    seen = warehouse.versions()
    assert seen in ({}, {"gold/t": 0})
    assert not seen or numbers_of(warehouse) == [1, 2, 3, 4]

    warehouse.load([three_files])

    assert warehouse.versions() == {"gold/t": 0}
    assert numbers_of(warehouse) == [1, 2, 3, 4]
    assert sorted(job_steps(emulator, "load")) == ["part0", "part1", "part2"]
    assert job_steps(emulator, "query") == ["over"]
    assert count_requests(emulator, "PUT") == 3 if done else count_requests(emulator, "PUT") <= 4
    remaining = staging_tables(emulator)
    assert not remaining or seen
    assert all(emulator.catalogue.table("reviews", name)["expirationTime"] for name in remaining)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("where", ["CREATE TABLE IF NOT EXISTS", "DELETE FROM", UPLOAD, SWAP])
def test_change_after_a_kill_is_applied_once(emulator, warehouse, lake, three_files, where, done):
    warehouse.load([three_files])
    replace_partition(lake, "a", numbers(7, 8, partition="a"))
    emulator.jobs.done.clear()
    kill_at(emulator, where, newest(lake), done=done)

    warehouse.load([newest(lake)])

    assert numbers_of(warehouse) == [3, 4, 7, 8]
    assert job_steps(emulator, "load") == ["part0"]
    assert job_steps(emulator, "query") == ["delete", "over"]


def test_remains_of_a_killed_load_are_not_used_by_other_versions(
    emulator, warehouse, lake, three_files
):
    warehouse.load([three_files])
    replace_partition(lake, "a", numbers(7, partition="a"))
    kill_at(emulator, SWAP, newest(lake), done=True)
    assert staging_tables(emulator)

    for version, expected in ((0, [1, 2, 3, 4]), (1, [3, 4, 7])):
        warehouse.load([TableVersion("gold/t", str(lake), version)])
        assert numbers_of(warehouse) == expected


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("where", [r"POST .*/tables$", UPLOAD, "SELECT count", SWAP])
def test_slower_of_two_loads_of_a_version_changes_nothing(emulator, three_files, where, done):
    hold = emulator.hold(where, done=done)
    with ThreadPoolExecutor(1) as threads:
        slower = threads.submit(open_warehouse(URL).load, [three_files])
        assert hold.reached.wait(60)
        (first,) = open_warehouse(URL).load([three_files])
        hold.release.set()
        (second,) = slower.result()

    assert (first.rows, second.rows) == (4, 4)
    assert numbers_of(open_warehouse(URL)) == [1, 2, 3, 4]
    assert staging_tables(emulator) == []


def test_concurrent_loads_give_each_row_once(emulator, lake, three_files):
    barrier = Barrier(4)

    def load(_):
        warehouse = open_warehouse(URL)
        barrier.wait()
        return warehouse.load([three_files])[0].rows

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(load, range(4))) == [4] * 4
    assert numbers_of(open_warehouse(URL)) == [1, 2, 3, 4]
    assert staging_tables(emulator) == []


def test_table_loaded_by_another_run_meanwhile_is_not_copied(
    emulator, warehouse, lake, three_files
):
    warehouse.load([three_files])
    replace_partition(lake, "a", numbers(7, partition="a"))
    replace_partition(lake, "b", numbers(8, partition="b"))
    hold = emulator.hold("CREATE TABLE IF NOT EXISTS", done=False)
    with ThreadPoolExecutor(1) as threads:
        slower = threads.submit(open_warehouse(URL).load, [TableVersion("gold/t", str(lake), 2)])
        assert hold.reached.wait(60)
        warehouse.load([TableVersion("gold/t", str(lake), 1)])
        hold.release.set()
        assert "loaded by another run meanwhile" in str(slower.exception())

    assert numbers_of(warehouse) == [3, 4, 7]
    warehouse.load([newest(lake)])
    assert numbers_of(warehouse) == [4, 7, 8]


def test_reader_sees_only_complete_versions_during_loads(emulator, warehouse, lake, file_by_file):
    for version in range(4):
        for partition in ("a", "b"):
            replace = replace_partition if version else lambda path, _, table: delta(path, table)
            replace(lake, partition, numbers(*range(10 * (version + 1)), partition=partition))
    versions = [3, 5, 7]  # both partitions have the same numbers
    warehouse.load([TableVersion("gold/t", str(lake), 1)])

    def read_until_last():
        reader, seen = open_warehouse(URL), [20]
        while seen[-1] != 80:
            seen.append(reader.query("SELECT count(*) AS n FROM t")["n"][0].as_py())
        return seen

    with ThreadPoolExecutor(2) as threads:
        results = [threads.submit(read_until_last) for _ in range(2)]
        for version in versions:
            warehouse.load([TableVersion("gold/t", str(lake), version)])
        for result in results:
            assert result.result() == sorted(result.result())
            assert set(result.result()) <= {20, 40, 60, 80}
