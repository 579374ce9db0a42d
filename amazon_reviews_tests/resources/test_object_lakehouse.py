"""The lakehouse in an object store, over the wire: Azurite, by engine and delta-rs."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Barrier

import duckdb
import obstore
import pyarrow as pa
import pytest
from obstore.store import AzureStore

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.errors import ConcurrentWriteError, LakehouseError, TableInUseError
from amazon_reviews.pipeline.datasets import REVIEWS
from amazon_reviews.pipeline.gold import build_gold_reviews
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.resources.lakehouse import lease as leases
from amazon_reviews.resources.lakehouse.data_files import missing_files
from amazon_reviews.resources.lakehouse.lease import Lease
from amazon_reviews.resources.lakehouse.locks import lock
from amazon_reviews.resources.lakehouse.log import log_files
from amazon_reviews.resources.lakehouse.maintenance import maintain
from amazon_reviews.resources.lakehouse.object_store import filesystem
from amazon_reviews.resources.lakehouse.restore import restore_version
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.lakehouse.verification import damaged_files
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.azurite import ACCOUNT
from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.helpers import BATCH_ROWS, content, ingest_all, review, rows, upload
from amazon_reviews_tests.marts.test_partials import check_sequence

KEY = "gold/duplicates"
LOCK = ".locks/gold.duplicates.lock"
OWNER = "racwdl"
_names = (f"lakehouse{number}" for number in count())
LAYERS = '+key:"warehouse/reviews"'


def account(azurite, token):
    """Return the environment variables of the storage account."""
    return {
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ENDPOINT": azurite.endpoint,
        "AZURE_STORAGE_SAS_TOKEN": token,
        "AZURE_ALLOW_HTTP": "true",
    }


@pytest.fixture
def container(azurite, monkeypatch):
    """A new container that the environment may read and write."""
    container = azurite.container(next(_names))
    for name, value in account(azurite, azurite.sas(container.container_name, OWNER)).items():
        monkeypatch.setenv(name, value)
    return container


@pytest.fixture
def far(container):
    """A lakehouse in the container."""
    return Lakehouse(location=f"az://{container.container_name}/house")


@pytest.fixture
def store(azurite, container):
    return AzureStore(
        container_name=container.container_name,
        prefix="house",
        account_name=ACCOUNT,
        account_key=azurite.key,
        endpoint=azurite.endpoint,
        client_options={"allow_http": True},
    )


def frame(spark, partition, *ids):
    given = [(name, "p0", "reviews", partition, "f", 1) for name in ids]
    columns = "id string, kept_in string, table string, partition string, file string, line long"
    return spark.createDataFrame(given, columns)


def replace(spark, lakehouse, partition, *ids):
    keys = {"table": ["reviews"], "partition": [partition]}
    lakehouse.write(frame(spark, partition, *ids), KEY, replacing=keys)


def blobs(container, folder=""):
    return [blob.name for blob in container.list_blobs(name_starts_with=f"house/{folder}")]


def run(environ, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "amazon_reviews.cli", *arguments],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def downloaded(container, lakehouse, key, folder):
    """Return the table's active files, fetched by Azure's client and read by DuckDB."""
    paths = pa.table(lakehouse.delta(key).get_add_actions())["path"].to_pylist()
    for path in paths:
        target = Path(folder) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(container.download_blob(f"house/{key}/{path}").readall())
    return duckdb.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)


@pytest.mark.parametrize(
    "assets",
    [
        pytest.param(LAYERS, marks=pytest.mark.long),
        pytest.param(f'{LAYERS} or +key:"warehouse/totals"', marks=pytest.mark.long),
    ],
)
def test_run_builds_gold_and_shows_no_token(azurite, container, far, tmp_path, assets):
    """Landing zone and lakehouse are in one container; a second run has nothing to do."""
    options = SampleOptions(reviews=600, products=20, users=20, partitions=2, events=0)
    truth = generate(options, tmp_path / "sample")
    for file in (tmp_path / "sample").rglob("partition_*/*"):
        name = file.relative_to(tmp_path / "sample").as_posix()
        container.upload_blob(f"lake/{name}", file.read_bytes())
    token = azurite.sas(container.container_name, OWNER)
    environ = environment(tmp_path) | account(azurite, token)
    environ["AMAZON_REVIEWS_LANDING"] = f"az://{container.container_name}/lake"
    environ["AMAZON_REVIEWS_LAKEHOUSE"] = far.location

    first, second, doctor = (
        run(environ, *arguments)
        for arguments in (
            ["run", "--select", assets, "--json"],
            ["run", "--select", assets],
            ["doctor"],
        )
    )

    assert first.returncode == 0, first.stderr
    tables = json.loads(first.stdout)["reconciliation"]
    kept_rows = {table["table"]: table["kept"] for table in tables}
    assert kept_rows["gold/reviews"] == truth["gold"]["reviews"]
    assert second.stdout == "nothing new\n", second.stderr
    assert "partitions of amazon_reviews: 2" in doctor.stdout
    assert f"{far.location} (can be written to)" in doctor.stdout
    active = downloaded(container, far, "gold/reviews", tmp_path / "gold")
    counts = active.aggregate("count(*), count(DISTINCT review_id)").fetchall()
    assert counts == [(truth["gold"]["reviews"],) * 2]
    assert not [name for name in blobs(container) if "/.locks/" in name or "/scratch/s" in name]
    assert not (tmp_path / "lakehouse").exists()
    signature = re.search("sig=([^&]+)", token)[1].encode()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    output = "".join(ended.stdout + ended.stderr for ended in (first, second, doctor)).encode()
    assert not any(signature in text for text in (output, *(path.read_bytes() for path in written)))


def test_tables_equal_those_of_a_local_folder(spark, landing, lakehouse, far):
    """The second upload replaces a partition, and its reviews move to another one."""
    first = [review(summary=text) for text in "abc"]
    for each in (lakehouse, far):
        upload(landing, "amazon_reviews", "partition_1", *first, "no review", first[0])
        upload(landing, "amazon_reviews", "partition_2", review(summary="b"), review(summary="d"))
        for _ in range(2):
            names = ingest_all(landing, each, REVIEWS)
            list(build_silver(spark, each, REVIEWS, names, BATCH_ROWS))
            list(build_gold_reviews(spark, each, names, BATCH_ROWS))
            upload(landing, "amazon_reviews", "partition_1", first[0], first[2])

    assert rows(far, "gold/reviews", "summary", "partition") == [
        ("a", "partition_1"),
        ("b", "partition_2"),
        ("c", "partition_1"),
        ("d", "partition_2"),
    ]
    for key in filter(lakehouse.exists, TABLES):
        assert content(far, key) == content(lakehouse, key), key


@pytest.mark.long
def test_marts_after_random_updates_in_an_object_store(spark, far, tmp_path):
    check_sequence(spark, tmp_path, seed=5, steps=6, lakehouse=far)


def test_maintenance_compacts_and_vacuums_in_an_object_store(spark, container, far):
    for one in "abc":
        far.write(frame(spark, "p1", one), KEY)

    done = dict(maintain(dataclasses.replace(far, time_travel_days=0)))

    assert (done[KEY].compacted, done[KEY].written) == (3, 1)
    assert len([name for name in blobs(container, KEY) if name.endswith(".parquet")]) == 1
    assert rows(far, KEY, "id") == [("a",), ("b",), ("c",)]


@pytest.mark.long
def test_earlier_version_comes_back_in_an_object_store(spark, store, far):
    for one in "ab":
        replace(spark, far, "p1", one)
    files = filesystem(far.location)

    restore_version(far, KEY, 1, 1, {})
    list(maintain(far))

    assert rows(far, KEY, "id") == [("a",)]
    assert far.log(KEY).pinned == 1
    assert far.delta(KEY, 2).to_pyarrow_table()["id"].to_pylist() == ["b"]
    assert list(damaged_files(far, KEY, lambda done, size: None)) == []
    # Maintenance removes log entries by these times.
    assert all(log_files(files, KEY).entries.values())
    paths = pa.table(far.delta(KEY).get_add_actions())["path"].to_pylist()
    assert missing_files(far.location, KEY, [*paths, "gone"]) == [len(paths)]


def test_restoration_does_not_wait_for_a_living_holder_of_the_lock(store, far, monkeypatch):
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.6)
    lease = Lease(store, LOCK).acquire()
    with pytest.raises(TableInUseError, match="wait for its end"):
        Lease(store, LOCK).acquire(wait=False)
    lease.release()
    Lease(store, LOCK).acquire(wait=False).release()


def test_two_writers_of_a_partition_leave_the_rows_of_one(spark, far):
    replace(spark, far, "p1", "a")
    start = Barrier(2)

    def write(name):
        start.wait()
        for number in range(3):
            replace(spark, far, "p1", *(f"{name}{number}{i}" for i in range(2)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, "xy"))

    last = {one[:2] for (one,) in rows(far, KEY, "id")}
    assert last in ({"x2"}, {"y2"})
    assert len(rows(far, KEY, "id")) == 2
    assert far.version(KEY) == 1 + 6


def test_lock_has_one_holder_at_a_time(store, far):
    inside = []

    def hold(name):
        with lock(far.location, "gold/duplicates"):
            inside.append(f"{name} in")
            inside.append(f"{name} out")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hold, "abcd"))

    pairs = list(zip(inside[::2], inside[1::2], strict=True))
    assert {(one.split()[0], other.split()[0]) for one, other in pairs} == {(n, n) for n in "abcd"}
    assert obstore.list(store).collect() == []


def test_renewed_lock_is_not_taken(monkeypatch, store):
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.6)
    lease = Lease(store, LOCK).acquire()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(Lease(store, LOCK).acquire)
        tags = {obstore.head(store, LOCK)["e_tag"]}
        while len(tags) < 6:
            tags.add(obstore.head(store, LOCK)["e_tag"])
        lease.check()
        assert not other.done()

        lease.release()

        other.result(10).release()
    assert obstore.list(store).collect() == []


def test_lock_of_a_killed_process_is_taken(monkeypatch, store):
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.3)
    obstore.put(store, LOCK, b"killed")
    started = time.monotonic()

    lease = Lease(store, LOCK).acquire()

    assert time.monotonic() - started > 0.3
    assert obstore.get(store, LOCK).bytes() != b"killed"
    lease.check()
    lease.release()


def test_writer_that_lost_its_lock_writes_nothing(monkeypatch, spark, container, store, far):
    replace(spark, far, "p1", "a")
    before = far.version(KEY), blobs(container, KEY)
    check = leases.Lease.check

    def taken_by_another(lease):
        obstore.put(store, LOCK, b"another's")
        check(lease)

    monkeypatch.setattr(leases.Lease, "check", taken_by_another)
    with pytest.raises(ConcurrentWriteError, match="another run took it"):
        replace(spark, far, "p1", "b")

    assert (far.version(KEY), blobs(container, KEY)) == before
    assert obstore.get(store, LOCK).bytes() == b"another's"


def test_renewal_with_a_lost_reply_is_recognized(store):
    lease = Lease(store, LOCK).acquire()
    obstore.put(store, LOCK, f"{lease._name} 99".encode())

    lease.check()

    lease.release()
    assert obstore.list(store).collect() == []


KILLED = """
import os, signal, sys

from amazon_reviews.resources.lakehouse import data_files as staging
from amazon_reviews.resources.spark.engine import start_session
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews_tests.resources.test_object_lakehouse import replace

spark = start_session("sail", 1 << 30)
staging._described = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
replace(spark, Lakehouse(location=sys.argv[1]), "p1", "b")
"""


def test_process_killed_while_it_writes_leaves_the_table(monkeypatch, spark, container, far):
    replace(spark, far, "p1", "a")

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, far.location],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        timeout=120,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert rows(far, KEY, "id") == [("a",)]
    assert len([name for name in blobs(container, KEY) if name.endswith(".parquet")]) == 2
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.3)
    replace(spark, far, "p1", "c")
    assert rows(far, KEY, "id") == [("c",)]
    list(maintain(dataclasses.replace(far, time_travel_days=0)))
    assert len([name for name in blobs(container, KEY) if name.endswith(".parquet")]) == 1


@pytest.mark.parametrize("act", ["exists", "lock"])
def test_missing_container_is_named(monkeypatch, azurite, container, act):
    """A key may list everything, so the store reports what is missing."""
    monkeypatch.delenv("AZURE_STORAGE_SAS_TOKEN")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", azurite.key)
    lakehouse = Lakehouse(location="az://nowhere/by-key")
    acts = {
        "exists": lambda: lakehouse.exists(KEY),
        "lock": lambda: lakehouse.lock("x").__enter__(),
    }

    with pytest.raises(LakehouseError, match="there is no such container or bucket"):
        acts[act]()


@pytest.mark.parametrize("act", ["exists", "ensure", "lock"])
@pytest.mark.parametrize("fault", ["expired", "wrong", "not there"])
def test_denied_access_is_explained(monkeypatch, azurite, container, act, fault):
    name = container.container_name
    token = azurite.sas(name, OWNER, hours=-1 if fault == "expired" else 1)
    token = token.replace("sig=", "sig=x") if fault == "wrong" else token
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", token)
    place = "nowhere" if fault == "not there" else name
    # A folder of its own: clients are kept with the token they were made with.
    lakehouse = Lakehouse(location=f"az://{place}/{act}/{fault.replace(' ', '_')}")
    acts = {
        "exists": lambda: lakehouse.exists(KEY),
        "ensure": lambda: lakehouse.ensure(KEY),
        "lock": lambda: lakehouse.lock("x").__enter__(),
    }

    with pytest.raises(LakehouseError) as caught:
        acts[act]()

    text = str(caught.value)
    assert text.startswith(f"{lakehouse.location}: the store refuses access")
    assert "AZURE_STORAGE_SAS_TOKEN" in text
    assert re.search("sig=([^&]+)", token)[1] not in text


def test_read_only_token_is_explained(azurite, container, far, spark, tmp_path):
    replace(spark, far, "p1", "a")
    token = azurite.sas(container.container_name, "rl")
    environ = environment(tmp_path) | account(azurite, token)
    environ["AMAZON_REVIEWS_LAKEHOUSE"] = far.location

    doctor, maintained = run(environ, "doctor"), run(environ, "maintain")

    assert doctor.returncode == maintained.returncode == 2
    assert "the store refuses access" in doctor.stdout
    assert maintained.stderr.startswith(f"Error: {far.location}: the store refuses access")
    assert rows(far, KEY, "id") == [("a",)]


def test_every_damaged_object_of_a_table_is_named(spark, far, container):
    replace(spark, far, "p1", "a", "b")
    names = blobs(container, f"{KEY}/")
    kinds = {name.removeprefix(f"house/{KEY}/").partition("/")[0] for name in names}
    assert {"_delta_log", "_sha256"} < kinds
    for name in ["", *names]:
        if name:
            content = container.download_blob(name).readall()
            middle = len(content) // 2
            changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
            container.upload_blob(name, changed, overwrite=True)
        found = {file.path for file in damaged_files(far, KEY, lambda done, whole: None)}
        assert found == ({name.removeprefix(f"house/{KEY}/")} if name else set())
        if name:
            container.upload_blob(name, content, overwrite=True)
