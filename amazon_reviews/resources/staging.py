"""Data files that the engine writes into a Delta table's folder before they are committed."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4

import pyarrow.parquet as pq
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame

from amazon_reviews.schemas import Table


@contextmanager
def staged_files(frame: DataFrame, uri: str, table: Table) -> Iterator[list[AddAction]]:
    """Write `frame` as Parquet files below the table's folder and describe them.

    When the block fails, the files are removed again; those of a killed process are left
    without an entry in the log, where a vacuum finds them.
    """
    folder = Path(uri) / f"data-{uuid4().hex}"
    try:
        writer = frame.select(*table.names).write.mode("overwrite").option("compression", "zstd")
        writer = writer.partitionBy(*table.partition_by) if table.partition_by else writer
        writer.parquet(str(folder))
        yield [_described(path, Path(uri)) for path in sorted(folder.rglob("*.parquet"))]
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def check_partitions(files: Sequence[AddAction], keys: Mapping[str, Sequence[str]]) -> None:
    """Raise ValueError unless every file lies in a partition with one of `keys`' values."""
    for file in files:
        for column, values in keys.items():
            value = file.partition_values[column]
            if value not in values:
                raise ValueError(f"a row has {column} {value!r}, not one of {list(values)}")


def _described(path: Path, root: Path) -> AddAction:
    relative = path.relative_to(root)
    parts = [part.partition("=") for part in relative.parts[1:-1]]
    stat = path.stat()
    return AddAction(
        path=str(relative),
        size=stat.st_size,
        partition_values={unquote(name): unquote(value) for name, _, value in parts},
        modification_time=int(stat.st_mtime * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": pq.read_metadata(path).num_rows}),
    )
