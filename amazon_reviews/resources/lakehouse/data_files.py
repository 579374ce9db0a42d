"""Parquet files of the engine and of Arrow: data files before their commit, and scratch files."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import reduce
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame

from amazon_reviews.config import is_remote
from amazon_reviews.resources.lakehouse.object_store import explained_write, filesystem
from amazon_reviews.schemas import Table

_FILE_BYTES = 128 * 1024 * 1024


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
        yield [
            _described(info, files, _values_in(info.path))
            for info in sorted(written, key=lambda info: info.path)
        ]
    except BaseException:
        with suppress(OSError):
            files.delete_dir(folder)
        raise


@contextmanager
def staged_batches(
    batches: Iterable[pa.RecordBatch], uri: str, table: Table, row_group_rows: int
) -> Iterator[list[AddAction]]:
    """Write Arrow rows as `staged_files` does those of the engine, with bounded memory.

    delta-rs is not used for them: it holds rows in memory until their compressed size fills a
    file, which takes gigabytes of rows that compress well.
    """
    folder = f"data-{uuid4().hex}"
    files = filesystem(uri)
    files.create_dir(folder)
    writers: dict[tuple[str, ...], _FileWriter] = {}
    done: list[_FileWriter] = []
    try:
        for batch in batches:
            for values, rows in _by_partition(batch, table.partition_by):
                if values not in writers:
                    path = f"{folder}/{len(done) + len(writers)}.parquet"
                    writers[values] = _FileWriter(files, path, table, values)
                writers[values].write(rows, row_group_rows)
                if writers[values].is_full:
                    done.append(writers.pop(values))
                    done[-1].close()
        done += writers.values()
        for writer in writers.values():
            writer.close()
        yield [
            _described(
                files.get_file_info(writer.path),
                files,
                dict(zip(table.partition_by, writer.values, strict=True)),
            )
            for writer in done
        ]
    except BaseException:
        for writer in writers.values():
            with suppress(OSError, pa.ArrowException):
                writer.close()
        with suppress(OSError):
            files.delete_dir(folder)
        raise


class _FileWriter:
    """A Parquet file of the rows of one partition."""

    def __init__(
        self, files: pafs.FileSystem, path: str, table: Table, values: tuple[str, ...]
    ) -> None:
        self.path = path
        self.values = values
        schema = pa.schema([f for f in table.arrow_schema if f.name not in table.partition_by])
        self._stream = files.open_output_stream(path)
        self._writer = pq.ParquetWriter(
            self._stream, schema, compression="zstd", compression_level=1, write_page_checksum=True
        )

    @property
    def is_full(self) -> bool:
        """True if the rows after these belong into another file."""
        return self._stream.tell() > _FILE_BYTES

    def write(self, rows: pa.RecordBatch, row_group_rows: int) -> None:
        self._writer.write_batch(rows.cast(self._writer.schema), row_group_rows)

    def close(self) -> None:
        self._writer.close()
        self._stream.close()


def _by_partition(
    batch: pa.RecordBatch, columns: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], pa.RecordBatch]]:
    """Yield the rows of each partition, without the columns that name it."""
    if not batch.num_rows:
        return
    keys = batch.select(list(columns))
    rows = batch.drop_columns(list(columns))
    for values in pa.Table.from_batches([keys]).group_by(list(columns)).aggregate([]).to_pylist():
        masks = [pc.equal(keys[name], value) for name, value in values.items()]
        mask = reduce(pc.and_, masks)
        texts = tuple(str(values[name]) for name in columns)
        yield texts, rows if pc.all(mask).as_py() else rows.filter(mask)


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
    with explained_write(location, key):
        for frame in frames:
            frame.write.mode(mode).option("compression", "lz4").parquet(folder)
            mode = "append"
        reader = frames[0].sparkSession.read
        if not _holds_files(location, name):
            reader = reader.schema(frames[0].schema)
        # Else the files have the schema: to ask for it would analyze the whole query again.
        yield reader.parquet(folder)
    with suppress(FileNotFoundError):
        filesystem(location).delete_dir(name)


def _holds_files(location: str, folder: str) -> bool:
    """Return True if an engine wrote rows to a folder; the embedded one writes no empty file."""
    selector = pafs.FileSelector(folder, recursive=True, allow_not_found=True)
    infos = filesystem(location).get_file_info(selector)
    return any(info.path.endswith(".parquet") for info in infos)


def missing_files(location: str, key: str, paths: Sequence[str]) -> list[int]:
    """Return the positions of the files of a table that do not exist."""
    if not is_remote(location):
        # Much faster than listing the many folders of a table.
        folder = f"{location}/{key}"
        return [n for n, path in enumerate(paths) if not os.path.exists(f"{folder}/{path}")]
    selector = pafs.FileSelector(key, recursive=True, allow_not_found=True)
    infos = filesystem(location).get_file_info(selector)
    present = {info.path.removeprefix(f"{key}/") for info in infos}
    return [n for n, path in enumerate(paths) if path not in present]


def _values_in(path: str) -> dict[str, str]:
    """Return the partition values that the engine put into a path."""
    parts = [part.partition("=") for part in path.split("/")[1:-1]]
    return {unquote(name): unquote(value) for name, _, value in parts}


def _described(info: pafs.FileInfo, files: pafs.FileSystem, values: Mapping[str, str]) -> AddAction:
    return AddAction(
        path=info.path,
        size=info.size,
        partition_values=dict(values),
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
