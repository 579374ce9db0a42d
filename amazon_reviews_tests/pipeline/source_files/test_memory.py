"""Memory of a process that reads hostile or large files: less than 1.5 GiB each."""

import gzip
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.long

_MOST_MIB = 1536
_READ = """
import sys
from pathlib import Path
from amazon_reviews.pipeline.source_files.source import open_source
from amazon_reviews.resources.landing.layout import LandingFile
path = Path(sys.argv[1])
with path.open("rb") as stream:
    source = open_source(stream, LandingFile(str(path), path.name, path.stat().st_size, "1"))
    records = sum(len(block) for block in source.records())
# The largest memory that getrusage reports may be that of the parent process.
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(records, int(status["VmHWM"].split()[0]) // 1024)
"""


def read_in_process(path):
    """Return the number of records of a file, and the largest memory of its reader in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, path], capture_output=True, text=True, check=True
    )
    records, memory = map(int, done.stdout.split())
    return records, memory


@pytest.mark.parametrize(
    ("name", "header", "start", "end"),
    [("a.json.gz", b"", b'{"a": "', b'"}\n'), ("a.csv.gz", b"a,b\n", b"1,", b"\n")],
)
def test_forty_lines_of_sixty_mebibytes(tmp_path, name, header, start, end):
    with gzip.open(tmp_path / name, "wb", compresslevel=1) as file:
        file.write(header)
        for _ in range(40):
            file.write(start + b"x" * (60 << 20) + end)

    records, memory = read_in_process(tmp_path / name)

    assert records == 40
    assert memory < _MOST_MIB


def test_row_group_of_two_million_rows(tmp_path):
    rows = 2_000_000
    table = pa.table({"text": [f"a good product {n} " * 8 for n in range(rows)], "n": range(rows)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=rows)

    records, memory = read_in_process(tmp_path / "a.parquet")

    assert records == rows
    assert memory < _MOST_MIB


def test_long_texts_that_a_parquet_file_stores_once(tmp_path):
    table = pa.table({"text": ["x" * 4_000_000] * 500})
    pq.write_table(table, tmp_path / "a.parquet")

    records, memory = read_in_process(tmp_path / "a.parquet")

    assert records == 500
    assert memory < _MOST_MIB


def test_array_of_two_hundred_megabytes_in_one_line(tmp_path):
    element = json.dumps({"text": "good " * 80, "style": {"size": 1}})
    (tmp_path / "a.json").write_text("[" + ", ".join([element] * 450_000) + "]")

    records, memory = read_in_process(tmp_path / "a.json")

    assert records == 450_000
    assert memory < _MOST_MIB


def test_file_of_lines_of_two_bytes(tmp_path):
    (tmp_path / "a.json").write_bytes(b"{}\n" * 20_000_000)

    records, memory = read_in_process(tmp_path / "a.json")

    assert records == 20_000_000
    assert memory < _MOST_MIB
