"""Parquet files that the engine writes: data files before their commit, and scratch files."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import unquote
from uuid import uuid4

import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame

from amazon_reviews.resources.lakehouse.object_store import filesystem
from amazon_reviews.schemas import Table


@contextmanager
def staged_files(frame: DataFrame, uri: str, table: Table) -> Iterator[list[AddAction]]:
    """Write `frame` as Parquet files below the table's folder and describe them.

    When the block fails, the files are removed again. Those of a killed process are left without
    an entry in the log, until a vacuum removes them.
    """
    folder = f"data-{uuid4().hex}"
    files = filesystem(uri)
    try:
        writer = frame.select(*table.names).write.mode("overwrite").option("compression", "zstd")
        writer = writer.partitionBy(*table.partition_by) if table.partition_by else writer
        writer.parquet(f"{uri}/{folder}")
        selector = pafs.FileSelector(folder, allow_not_found=True, recursive=True)
        written = [
            info
            for info in files.get_file_info(selector)
            if info.path.endswith(".parquet") and info.is_file
        ]
        yield [_described(info, files) for info in sorted(written, key=lambda info: info.path)]
    except BaseException:
        with suppress(OSError):
            files.delete_dir(folder)
        raise


def check_partitions(files: Sequence[AddAction], keys: Mapping[str, Sequence[str | int]]) -> None:
    """Raise ValueError if a file belongs to a partition that has none of `keys`' values."""
    for file in files:
        for column, values in keys.items():
            value = file.partition_values[column]
            if value not in [str(choice) for choice in values]:
                raise ValueError(f"a row has {column} {value!r}, not one of {list(values)}")


def staged_rows(files: Sequence[AddAction]) -> dict[str, int]:
    """Return the number of rows of each landing partition in these files."""
    rows: dict[str, int] = {}
    for file in files:
        name = str(file.partition_values["partition"])
        rows[name] = rows.get(name, 0) + int(json.loads(file.stats)["numRecords"])
    return rows


@contextmanager
def scratch_copy(frames: Sequence[DataFrame], location: str, key: str) -> Iterator[DataFrame]:
    """Write `frames` to a scratch folder of the lakehouse and yield them as read from there.

    The copy serves to build the table `key`. The caller ensures that only one exists at a time.
    The next copy replaces one that a killed process left.
    """
    name = f"scratch/{key.replace('/', '_')}"
    folder = f"{location}/{name}"
    mode = "overwrite"
    for frame in frames:
        frame.write.mode(mode).option("compression", "lz4").parquet(folder)
        mode = "append"
    yield frames[0].sparkSession.read.schema(frames[0].schema).parquet(folder)
    with suppress(FileNotFoundError):
        filesystem(location).delete_dir(name)


def _described(info: pafs.FileInfo, files: pafs.FileSystem) -> AddAction:
    parts = [part.partition("=") for part in info.path.split("/")[1:-1]]
    return AddAction(
        path=info.path,
        size=info.size,
        partition_values={unquote(name): unquote(value) for name, _, value in parts},
        modification_time=int(info.mtime_ns // 1_000_000 if info.mtime_ns else time.time() * 1000),
        data_change=True,
        stats=_statistics(pq.read_metadata(info.path, filesystem=files)),
    )


def _statistics(metadata: pq.FileMetaData) -> str:
    """Return rows and nulls of a file, as the log has them; nulls of columns without parts only."""
    nulls: dict[str, int] = {}
    unknown: set[str] = set()
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for number in range(group.num_columns):
            column = group.column(number)
            name, counts = column.path_in_schema, column.statistics
            if "." in name or counts is None or counts.null_count is None:
                unknown.add(name)
            else:
                nulls[name] = nulls.get(name, 0) + counts.null_count
    known = {name: count for name, count in nulls.items() if name not in unknown}
    return json.dumps({"numRecords": metadata.num_rows, "nullCount": known})
