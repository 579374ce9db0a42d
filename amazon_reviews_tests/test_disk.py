"""Full and read-only folders: each form of the error names setting, folder and free space."""

import errno
import os
import resource
import shutil
import sqlite3
from collections import namedtuple
from contextlib import contextmanager

import duckdb
import pyarrow as pa
import pytest
from deltalake.exceptions import DeltaError
from sqlalchemy.exc import OperationalError

from amazon_reviews.disk import Place, check_room, explaining, readable_size, storage_error
from amazon_reviews.errors import LandingError, StorageError
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.duckdb.warehouse import DuckDBWarehouse
from amazon_reviews.schemas import TABLES

Usage = namedtuple("Usage", "total used free")
TABLE = "gold/title_actors"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Two folders: the second has less free space."""
    free = {}
    for name, count in {"first": 5_000_000, "second": 2_500}.items():
        (tmp_path / name).mkdir()
        free[tmp_path / name] = Usage(10**9, 0, count)
    monkeypatch.setattr(shutil, "disk_usage", free.__getitem__)
    return [Place("FIRST", tmp_path / "first"), Place("SECOND", tmp_path / "second")]


def sqlite(text):
    return OperationalError("INSERT …", {}, sqlite3.OperationalError(text))


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "is too full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "has reached its quota"),
        (OSError(errno.EFBIG, "File too large"), "does not take a file of this size"),
        (
            DeltaError("Generic error: No space left (os error 28)\n at x"),
            "is too full",
        ),
        (duckdb.IOException("Could not write file: No space left on device"), "is too full"),
        (
            duckdb.OutOfMemoryException("failed to offload data block of size 1"),
            "is too full",
        ),
        (pa.ArrowInvalid("IOError: Error writing: Disk quota exceeded"), "has reached its quota"),
        (sqlite("database or disk is full"), "is too full"),
        (sqlite("disk I/O error"), "is too full"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_fault_without_a_path_is_that_of_the_folder_with_the_least_space(places, error, what):
    wrapped = RuntimeError("something failed")
    wrapped.__cause__ = error
    for each in (error, wrapped):
        assert str(storage_error(each, places)).startswith(
            f"SECOND: {places[1].path} {what} (2.5 kB free); "
        )


def test_fault_with_a_path_is_that_of_its_folder(places):
    inside = OSError(errno.ENOSPC, "No space left on device", str(places[0].path / "a" / "b"))
    beside = OSError(errno.ENOSPC, "No space left on device", f"{places[0].path}2/b")

    assert str(storage_error(inside, places)).startswith(f"FIRST: {places[0].path} is too full")
    # A person may have named that folder; the settings have nothing to do with it.
    assert storage_error(beside, places) is None


def test_read_only_folder_is_the_one_that_refuses_writes(places, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, _: folder != places[1].path)
    problem = storage_error(OSError(errno.EROFS, "Read-only file system"), places)
    assert str(problem).startswith(f"SECOND: {places[1].path} is read-only")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "Input/output error"),
        duckdb.ConversionException("Could not convert string 'no space left on device' to INT32"),
        ValueError("the review says: os error 28"),
        KeyError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_other_errors_are_not_explained(places, error):
    assert storage_error(error, places) is None
    with pytest.raises(type(error)), explaining(*places):
        raise error


def test_errors_of_the_package_pass_unchanged(places):
    with pytest.raises(LandingError, match="it is gone"), explaining(*places):
        raise LandingError("it is gone") from OSError(errno.ENOSPC, "No space left on device")


def test_room_is_checked_in_the_nearest_folder_that_exists(places):
    place = Place("SECOND", places[1].path / "not" / "there")
    check_room(place, 2_500)
    with pytest.raises(StorageError, match=r"SECOND: .*/second has 2\.5 kB free, .* 2\.6 kB"):
        check_room(place, 2_600)


def test_sizes_are_readable():
    sizes = (0, 999, 1_500, 25_000_000, 7_300_000_000, 2 * 10**15)
    assert [*map(readable_size, sizes)] == [
        "0 bytes", "999 bytes", "1.5 kB", "25.0 MB", "7.3 GB", "2,000.0 TB",
    ]  # fmt: skip


@contextmanager
def file_size_limited(count):
    """Let no file of this process grow beyond a number of bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def rows(count):
    """Return rows of a small table that compress badly."""
    schema = TABLES[TABLE].arrow_schema
    texts = [os.urandom(20).hex() for _ in range(count)]
    columns = {field.name: pa.array(texts).cast(field.type) for field in schema
               if pa.types.is_string(field.type)}  # fmt: skip
    others = {f.name: pa.nulls(count, f.type) for f in schema if f.name not in columns}
    return pa.table({name: (columns | others)[name] for name in schema.names}, schema)


def test_lakehouse_that_takes_no_more_keeps_the_old_version(lakehouse):
    lakehouse.write(rows(5), TABLE, replacing=ALL_ROWS)
    before = lakehouse.version(TABLE)

    with (
        file_size_limited(40_000),
        pytest.raises(
            StorageError,
            match=rf"^{TABLE} cannot be written: AMAZON_REVIEWS_LAKEHOUSE: {lakehouse.location} ",
        ),
    ):
        lakehouse.write(rows(20_000), TABLE, replacing=ALL_ROWS)
    assert lakehouse.version(TABLE) == before

    lakehouse.write(rows(20_000), TABLE, replacing=ALL_ROWS)
    assert lakehouse.version(TABLE) == before + 1


def test_build_that_cannot_fit_is_not_begun(lakehouse, monkeypatch):
    lakehouse.write(rows(2_000), TABLE, replacing=ALL_ROWS)
    free = Usage(10**9, 0, 2_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)

    lakehouse.write(rows(2), TABLE, replacing=ALL_ROWS, expected_bytes=2_000_000)
    with pytest.raises(StorageError, match=r"LAKEHOUSE: .* 2\.0 MB free, and about 2\.1 MB are"):
        lakehouse.write(rows(2), TABLE, replacing=ALL_ROWS, expected_bytes=2_100_000)


def test_files_that_are_replaced_count_as_needed_room(lakehouse, monkeypatch):
    lakehouse.write(rows(50_000), TABLE, replacing=ALL_ROWS)
    free = Usage(10**9, 0, 1_200_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)

    lakehouse.write(rows(2), TABLE)
    with pytest.raises(StorageError, match=r"1\.2 MB free"):
        lakehouse.write(rows(2), TABLE, replacing=ALL_ROWS)


def version_of(lakehouse):
    return TableVersion(TABLE, lakehouse.uri(TABLE), lakehouse.version(TABLE))


def test_warehouse_that_takes_no_more_keeps_its_tables(lakehouse, tmp_path):
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    lakehouse.write(rows(5), TABLE, replacing=ALL_ROWS)
    warehouse.load([version_of(lakehouse)])
    lakehouse.write(rows(50_000), TABLE, replacing=ALL_ROWS)

    with (
        file_size_limited(600_000),
        pytest.raises(StorageError, match=rf"^AMAZON_REVIEWS_WAREHOUSE: {tmp_path} "),
    ):
        warehouse.load([version_of(lakehouse)])
    assert warehouse.describe(TABLE).rows == 5
    assert not [*tmp_path.glob(".warehouse.duckdb.*.tmp")]

    warehouse.load([version_of(lakehouse)])
    assert warehouse.describe(TABLE).rows == 50_000


def test_load_that_cannot_fit_is_not_begun(lakehouse, tmp_path, monkeypatch):
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    lakehouse.write(rows(50_000), TABLE, replacing=ALL_ROWS)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 1_000))

    with pytest.raises(StorageError, match=r"WAREHOUSE: .* 1\.0 kB free, and about \d"):
        warehouse.load([version_of(lakehouse)])
    assert not (tmp_path / "warehouse.duckdb").exists()


@pytest.mark.long
def test_model_that_cannot_fit_is_not_stored(tmp_path, empty_store, monkeypatch):
    empty_store(tmp_path / "models")
    store = ModelStore(tmp_path / "models")
    (tmp_path / "a.model").write_bytes(bytes(3_000_000))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 3_000_000))

    with pytest.raises(StorageError, match=r"MODELS: .*/models has 3\.0 MB free, and about 4\."):
        store.publish("sentiment", tmp_path / "a.model", Record(), make_current=True)
    assert store.current("sentiment") is None
