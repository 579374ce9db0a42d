"""Loading one version of a Delta table into BigQuery.

Its files are loaded into a staging table, several at a time, and counted. One statement then
replaces the old table by it and records the version. The name of the staging table follows from
the Delta table and its version. The ids of its jobs follow from that name and the time of its
creation. So a repeated load continues where the one before it ended.
"""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.bigquery.connection import LABELS, Connection
from amazon_reviews.resources.warehouse.bigquery.jobs import finish, parts_of, upload
from amazon_reviews.resources.warehouse.bigquery.schema import (
    clustering,
    fields,
    partitioning,
    positional,
)
from amazon_reviews.resources.warehouse.snapshot import Snapshot

_INFIX = "__staging_"
_UPLOADS = 3
# BigQuery drops the staging table of a load that never finishes.
_LIFETIME = timedelta(days=1)


@dataclass(frozen=True)
class Change:
    """The difference between a version and the loaded one, whose labels are `base`.

    `partitions` maps the condition of each changed partition to the values of its columns.
    """

    base: Mapping[str, str]
    partitions: Mapping[str, Mapping[str, Any]]


def labels_of(snapshot: Snapshot) -> dict[str, str]:
    """Return the labels of a table in BigQuery, which name the version and content it holds."""
    content = snapshot.table.content
    return LABELS | {
        "delta_layer": snapshot.table.name.split("/")[0],
        "delta_table": snapshot.table_id.lower(),
        "delta_version": str(snapshot.table.version),
        **({"delta_content": str(content)} if content else {}),
    }


def is_staging(table_id: str) -> bool:
    """Return True if a table of the dataset is a staging table."""
    return _INFIX in table_id


class Staging:
    """The staging table of one version; with a `change`, BigQuery copies the other partitions."""

    def __init__(self, connection: Connection, snapshot: Snapshot, change: Change | None) -> None:
        """Prepare the load.

        Raises:
            WarehouseError: a column's type has no counterpart in BigQuery.
        """
        self._connection = connection
        self._client = connection.client
        self._snapshot = snapshot
        self._change = change
        self._fields = fields(snapshot.schema, snapshot.table)
        target = snapshot.table.stored_name.split("/")[1]
        self._table = connection.reference.table(f"{target}{_INFIX}{self._digest()}")
        self._name = connection.sql_name(self._table.table_id)
        self._target = connection.reference.table(target)
        self._target_name = connection.sql_name(target)

    @property
    def files(self) -> list[str]:
        """The paths of the Delta files to load, sorted."""
        change = self._change
        return sorted(
            path
            for path, file in self._snapshot.files.items()
            if change is None or file.partition in change.partitions
        )

    def fill(self) -> None:
        """Load all rows of the version into the staging table, each once, and count them.

        Raises:
            WarehouseError: their number differs from that of the Delta version.
        """
        created = self._create() if self._change is None else self._copy(self._change)
        self._key = f"{self._table.dataset_id}_{self._table.table_id}_{_milliseconds(created)}"
        if self._change and self._change.partitions:
            self._delete(self._change)
        parts = parts_of(self._snapshot, self.files)
        with ThreadPoolExecutor(_UPLOADS) as threads:
            list(threads.map(self._load, range(len(parts)), parts))
        self._reconcile()

    def swap(self) -> bigquery.Table:
        """Replace the old table by the staging table in one statement; return the new table."""
        table = self._snapshot.table
        sql = (
            f"CREATE OR REPLACE TABLE {self._target_name} COPY {self._name} "
            f"OPTIONS(description={_text(table.description)}, expiration_timestamp=NULL, "
            f"labels={_labels(labels_of(self._snapshot))})"
        )
        self._run(f"over_{self._changed_at()}", sql)
        self._drop()
        return self._client.get_table(self._target)

    def _digest(self) -> str:
        base = self._change.base if self._change else {}
        columns = [field.to_api_repr() for field in self._fields]
        content = json.dumps([labels_of(self._snapshot), base, columns], sort_keys=True)
        version = self._snapshot.table.version
        return f"v{version}_{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def _create(self) -> bigquery.Table:
        table = bigquery.Table(self._table, self._fields)
        table.labels = LABELS
        table.expires = datetime.now(UTC) + _LIFETIME
        table.time_partitioning = partitioning(self._snapshot.table, self._fields)
        table.clustering_fields = clustering(self._snapshot.table, self._fields)
        return self._client.create_table(table, exists_ok=True)

    def _copy(self, change: Change) -> bigquery.Table:
        expiration = f"TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {_LIFETIME.days} DAY)"
        self._client.query(
            f"CREATE TABLE IF NOT EXISTS {self._name} COPY {self._target_name} "
            f"OPTIONS(expiration_timestamp={expiration}, labels={_labels(LABELS)})",
            self._query_config(),
            location=self._connection.location,
        ).result()
        if self._client.get_table(self._target).labels != change.base:
            self._drop()
            raise WarehouseError(f"{self._target} was loaded by another run meanwhile; run again")
        table = self._client.get_table(self._table)
        if [f.description for f in table.schema] != [f.description for f in self._fields]:
            table.schema = self._fields
            table = self._client.update_table(table, ["schema"])
        return table

    def _delete(self, change: Change) -> None:
        conditions = [
            " AND ".join(f"`{column}` = ?" for column in values)
            for values in change.partitions.values()
        ]
        values = [value for values in change.partitions.values() for value in values.values()]
        where = " OR ".join(f"({condition})" for condition in conditions)
        self._run("delete", f"DELETE FROM {self._name} WHERE {where}", values)

    def _load(self, number: int, paths: list[str]) -> None:
        finish(
            self._connection,
            f"{self._key}_part{number}",
            lambda job_id: upload(
                self._connection, self._snapshot, paths, self._table, self._load_config(), job_id
            ),
        )

    def _load_config(self) -> bigquery.LoadJobConfig:
        return bigquery.LoadJobConfig(
            schema=self._fields,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            labels=self._job_labels(),
        )

    def _reconcile(self) -> None:
        table = self._snapshot.table
        (row,) = self._client.query(
            f"SELECT count(*) AS counted FROM {self._name}",
            self._query_config(),
            location=self._connection.location,
        ).result()
        if row.counted != self._snapshot.rows:
            self._drop()
            raise WarehouseError(
                f"{table.name}: {row.counted} rows arrived in the warehouse, but Delta version "
                f"{table.version} has {self._snapshot.rows}"
            )

    def _changed_at(self) -> int:
        """Return the time of the last change of the table to replace, 0 if it does not exist."""
        try:
            return _milliseconds(self._client.get_table(self._target), "modified")
        except NotFound:
            return 0

    def _drop(self) -> None:
        self._client.delete_table(self._table, not_found_ok=True)

    def _run(self, step: str, sql: str, values: Any = ()) -> None:
        config = self._query_config()
        config.query_parameters = positional(values)
        finish(
            self._connection,
            f"{self._key}_{step}",
            lambda job_id: self._client.query(
                sql,
                config,
                job_id=job_id,
                location=self._connection.location,
                job_retry=None,
            ),
        )

    def _query_config(self) -> bigquery.QueryJobConfig:
        return self._connection.query_config(labels=self._job_labels(), use_query_cache=False)

    def _job_labels(self) -> dict[str, str]:
        return LABELS | {"table": self._snapshot.table.name.replace("/", "_")[:63]}


def _milliseconds(table: bigquery.Table, moment: str = "created") -> int:
    return round(getattr(table, moment).timestamp() * 1000)


def _labels(labels: Mapping[str, str]) -> str:
    """Return labels in GoogleSQL."""
    return f"[{', '.join(f'({_text(key)}, {_text(value)})' for key, value in labels.items())}]"


def _text(text: str) -> str:
    """Return a string literal of GoogleSQL, which has the same escapes as JSON."""
    return json.dumps(text, ensure_ascii=False)
