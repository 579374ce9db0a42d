"""Data files of a Delta table as load jobs."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from google.cloud import bigquery
from google.cloud.bigquery.format_options import ParquetOptions

from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.resources.warehouse.bigquery.columns import write_parquet
from amazon_reviews.resources.warehouse.bigquery.connection import Connection
from amazon_reviews.resources.warehouse.snapshot import Snapshot

_PART_BYTES = 64 * 1024 * 1024  # of Delta files; the client holds as much of an upload in memory
_SECONDS = 300  # that a connection may be silent


def parts_of(snapshot: Snapshot, paths: list[str]) -> list[list[str]]:
    """The data files by upload, small ones together.

    Always the same for the same files, so that a part that was loaded is known to be.
    """
    if snapshot.has_deletion_vectors:
        return [paths]
    parts: list[list[str]] = []
    size = _PART_BYTES
    for path in paths:
        if size >= _PART_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(path)
        size += snapshot.files[path].bytes
    return parts


def upload(
    connection: Connection,
    snapshot: Snapshot,
    paths: list[str],
    table: bigquery.TableReference,
    config: bigquery.LoadJobConfig,
    job_id: str,
) -> bigquery.LoadJob:
    """Start a job that loads the rows of these data files, by way of one Parquet file."""
    config.source_format = bigquery.SourceFormat.PARQUET
    # Without it an array becomes a record of records.
    config.parquet_options = ParquetOptions.from_api_repr({"enableListInference": True})
    with temporary_folder(prefix="amazon_reviews_") as folder:
        path = Path(folder) / "part.parquet"
        write_parquet(_batches(snapshot, paths), snapshot.schema, path)
        with open(path, "rb") as file:
            return connection.client.load_table_from_file(
                file,
                table,
                job_id=job_id,
                location=connection.location,
                job_config=config,
                timeout=_SECONDS,
            )


def _batches(snapshot: Snapshot, paths: list[str]) -> Iterable[pa.RecordBatch]:
    if snapshot.has_deletion_vectors:
        return snapshot.batches()
    return snapshot.batches_of(paths)
