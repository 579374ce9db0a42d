"""Verification of the bytes of tables: every changed byte is noticed, with checksums or without."""

import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from amazon_reviews.resources.lakehouse.checksums import FOLDER, recorded_checksums
from amazon_reviews.resources.lakehouse.maintenance import maintain
from amazon_reviews.resources.lakehouse.object_store import filesystem
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS
from amazon_reviews.resources.lakehouse.verification import damaged_files
from amazon_reviews.schemas.layers import BRONZE_REVIEWS
from amazon_reviews.schemas.marts import RATINGS
from amazon_reviews_tests.damage import flip

PARTITIONED, WHOLE = BRONZE_REVIEWS.key, RATINGS.key


@pytest.fixture
def written(lakehouse):
    """A table in partitions, written by Arrow, and a whole one, written by delta-rs."""
    lines = [
        {"raw": f'{{"text": "review {n}"}}', "file": "a", "line": n, "partition": f"p{n % 2}"}
        for n in range(200)
    ]
    for name in ("p0", "p1"):
        rows = [line for line in lines if line["partition"] == name]
        table = pa.Table.from_pylist(rows, BRONZE_REVIEWS.arrow_schema)
        lakehouse.write(table.to_reader(), PARTITIONED, replacing={"partition": [name]})
    stars = [{"verified": True, "reviews": n} for n in range(9)]
    whole = pa.Table.from_pylist(stars, RATINGS.arrow_schema)
    lakehouse.write(whole, WHOLE, replacing=ALL_ROWS, built={"": {}})
    lakehouse.record(WHOLE, checks={"": {"adds_up": True}})
    return lakehouse


def damaged(lakehouse, key):
    return [file.path for file in damaged_files(lakehouse, key, lambda done, whole: None)]


def files_of(lakehouse, key):
    folder = Path(lakehouse.uri(key))
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("key", [PARTITIONED, WHOLE])
def test_every_changed_byte_is_noticed(written, key):
    assert damaged(written, key) == []
    choose = random.Random(7)
    for name, path in files_of(written, key).items():
        content = path.read_bytes()
        for _ in range(8):
            flip(path, choose.randrange(len(content)))
            assert name in damaged(written, key), name
            path.write_bytes(content)


def test_a_damaged_page_without_a_checksum_of_its_file_is_noticed(written):
    shutil.rmtree(Path(written.uri(PARTITIONED)) / FOLDER)
    assert damaged(written, PARTITIONED) == []
    for name, path in files_of(written, PARTITIONED).items():
        content = path.read_bytes()
        # The first page begins after four bytes and its header.
        flip(path, 60)
        if name.endswith(".parquet"):
            assert damaged(written, PARTITIONED) == [name]
        path.write_bytes(content)


def test_data_file_names_its_partition(written):
    path = next(iter(Path(written.uri(PARTITIONED)).glob("data-*/*.parquet")))
    flip(path)

    (found,) = damaged_files(written, PARTITIONED, lambda done, whole: None)

    rows = written.delta(PARTITIONED).get_add_actions()
    places = {row["path"]: row["partition"] for row in pa.table(rows).to_pylist()}
    assert found.partition == places[found.path]


def test_missing_data_file_and_newest_log_entry_are_noticed(written):
    files = files_of(written, WHOLE)
    (data,) = (name for name in files if name.endswith(".parquet"))
    newest = max(name for name in files if name.startswith("_delta_log"))
    for name in (data, newest):
        content = files[name].read_bytes()
        files[name].unlink()
        assert name in damaged(written, WHOLE)
        files[name].write_bytes(content)


def test_checksums_are_those_of_sha256sum(written):
    folder = written.uri(PARTITIONED)
    records = sorted(Path(folder).glob(f"{FOLDER}/*"))
    command = ["sha256sum", "--check", "--quiet", *map(str, records)]
    assert subprocess.run(command, cwd=folder, check=False).returncode == 0


def test_an_empty_list_of_checksums_counts_as_none(written):
    for path in (Path(written.uri(WHOLE)) / FOLDER).iterdir():
        path.write_bytes(b"")

    assert damaged(written, WHOLE) == []


def test_maintenance_keeps_and_makes_checksums(written):
    rows = [{"raw": "{}", "file": "b", "line": n, "partition": "p0"} for n in range(3)]
    for row in rows:
        table = pa.Table.from_pylist([row], BRONZE_REVIEWS.arrow_schema)
        written.write(table.to_reader(), PARTITIONED)

    (maintained,) = (
        m for key, m in maintain(replace(written, time_travel_days=0)) if key == PARTITIONED
    )

    assert maintained.written
    assert maintained.removed
    assert damaged(written, PARTITIONED) == []
    recorded, _ = recorded_checksums(filesystem(written.location), PARTITIONED)
    assert {name for name in files_of(written, PARTITIONED) if FOLDER not in name} <= {*recorded}
