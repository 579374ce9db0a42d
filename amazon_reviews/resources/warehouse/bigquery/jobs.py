"""BigQuery jobs that succeed once despite lost replies and retries, and uploads as such jobs."""

import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery
from google.cloud.bigquery import DEFAULT_RETRY
from google.cloud.bigquery.format_options import ParquetOptions

from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.resources.warehouse.bigquery.connection import Connection
from amazon_reviews.resources.warehouse.bigquery.errors import REMOTE_FAILURES, reason_of
from amazon_reviews.resources.warehouse.bigquery.schema import write_parquet
from amazon_reviews.resources.warehouse.snapshot import Snapshot

# Of Delta files. The client holds an upload of about this size in memory.
_PART_BYTES = 64 * 1024 * 1024
# For which a connection of an upload may be silent.
_SILENT_SECONDS = 300
_PASSING = ("backendError", "internalError", "rateLimitExceeded", "jobRateLimitExceeded")
_TRIES = 3
_PAUSE_SECONDS = 5  # more after each try
# BigQuery may deny for a moment that a job exists which it has refused to create twice.
_AFTER_CONFLICT = Retry(predicate=if_exception_type(NotFound), timeout=60)


def finish(connection: Connection, key: str, start: Callable[[str], Any]) -> None:
    """Let the job `key` succeed once; `start` creates it with the id that it is given.

    A job that another process or an earlier run created for this key counts, even if the reply
    about it was lost. An id is never free again, so each attempt after a failure has the next id.

    Raises:
        GoogleAPICallError: the job failed for a reason that does not pass.
    """
    tries = 0
    for attempt in count(1):
        job_id = f"{key}_{attempt}"
        job = _find(connection, job_id)
        if job is None:
            tries += 1
            job = _started(connection, job_id, start)
        try:
            job.result()
            return
        except GoogleAPICallError as error:
            if job.error_result is None:  # its end is not known yet
                raise
            if tries and (reason_of(error) not in _PASSING or tries == _TRIES):
                raise
            time.sleep(_PAUSE_SECONDS * tries)


def parts_of(snapshot: Snapshot, paths: list[str]) -> list[list[str]]:
    """Return the data files by upload, with small files together.

    The same files always give the same parts, so that a repeated load recognizes a loaded part.
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
    """Start a job that loads the rows of these data files from one Parquet file."""
    config.source_format = bigquery.SourceFormat.PARQUET
    # Without it an array becomes a record of records.
    config.parquet_options = ParquetOptions.from_api_repr({"enableListInference": True})
    whole = snapshot.has_deletion_vectors
    with temporary_folder(prefix="amazon_reviews_") as folder:
        path = Path(folder) / "part.parquet"
        batches = snapshot.batches() if whole else snapshot.batches_of(paths)
        write_parquet(batches, snapshot.schema, path)
        with open(path, "rb") as file:
            return connection.client.load_table_from_file(
                file,
                table,
                job_id=job_id,
                location=connection.location,
                job_config=config,
                timeout=_SILENT_SECONDS,
            )


def _started(connection: Connection, job_id: str, start: Callable[[str], Any]) -> Any:
    try:
        return start(job_id)
    except Conflict:
        return _find(connection, job_id, _AFTER_CONFLICT)
    except REMOTE_FAILURES:
        job = _find(connection, job_id)
        if job is None:
            raise
        return job


def _find(connection: Connection, job_id: str, retry: Retry = DEFAULT_RETRY) -> Any:
    try:
        return connection.client.get_job(job_id, location=connection.location, retry=retry)
    except NotFound:
        return None
