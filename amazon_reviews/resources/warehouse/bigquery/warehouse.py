"""The warehouse as a BigQuery dataset: table ``layer/name`` is ``dataset.name`` there."""

import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import pyarrow as pa
from deltalake.exceptions import DeltaError
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from amazon_reviews.config import WAREHOUSE, BigQueryAddress
from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import (
    BY_PARTITION,
    ColumnDescription,
    Load,
    TableDescription,
    TableVersion,
)
from amazon_reviews.resources.warehouse.bigquery.connection import LABELS, Connection
from amazon_reviews.resources.warehouse.bigquery.errors import explained
from amazon_reviews.resources.warehouse.bigquery.load import (
    Change,
    Staging,
    is_staging,
    labels_of,
)
from amazon_reviews.resources.warehouse.bigquery.schema import positional, sql_type
from amazon_reviews.resources.warehouse.bigquery.views import (
    refresh_flat_view,
    refresh_merged_view,
)
from amazon_reviews.resources.warehouse.snapshot import Snapshot, changed_partitions


class BigQueryWarehouse:
    """Tables in one dataset of BigQuery, and flat views of some.

    A table's labels name the Delta version and the content it holds. They change in the statement
    that replaces the rows. BigQuery cannot replace several tables in one transaction. So a load
    first completes all staging tables, and only then replaces one table after the other. Threads
    may share it.
    """

    def __init__(self, address: BigQueryAddress, max_bytes: int = 0) -> None:
        """Open nothing yet; a query may bill `max_bytes`, without a limit if 0."""
        self._connection = Connection(address, max_bytes)

    def load(self, tables: Sequence[TableVersion]) -> list[Load]:
        """See `Warehouse.load`; only the changed Delta partitions of a table are uploaded."""
        if len({table.name for table in tables}) < len(tables):
            raise ValueError("a table is named twice in one load")
        snapshots = [self._opened(table) for table in tables]
        with self._explained(f"{', '.join(table.name for table in tables)} could not be loaded"):
            existing = self._tables()
            _check_ownership(tables, existing, self._place)
            pending = [s for s in snapshots if not _is_loaded(s, existing)]
            loads = self._replace_unless_done(pending, existing) if pending else {}
            for table in tables:
                if table.flat_view:
                    refresh_flat_view(self._connection, self._table(table.name), table.flat_view)
                if table.merged_by:
                    refresh_merged_view(self._connection, table)
            return [loads.get(table.name) or self._skipped(table) for table in tables]

    def versions(self) -> dict[str, int]:
        """See `Warehouse.versions`."""
        return {name: int(labels["delta_version"]) for name, labels in self._loaded().items()}

    def contents(self) -> dict[str, int]:
        """See `Warehouse.contents`."""
        loaded = self._loaded()
        return {name: int(labels.get("delta_content", 0)) for name, labels in loaded.items()}

    def stored_rows(self) -> dict[str, int]:
        """See `Warehouse.stored_rows`."""
        with self._explained("the rows could not be counted"):
            tables = self._tables()
            stored = {name: _stored_name(name, tables) for name in self._loaded()}
            return {name: self._table(table).num_rows for name, table in stored.items()}

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """See `Warehouse.query`; table names need no dataset, and timestamps are in UTC."""
        with self._explained("the query failed"):
            config = self._connection.query_config(
                default_dataset=self._connection.reference,
                query_parameters=positional(parameters),
                labels=LABELS,
            )
            job = self._connection.client.query(sql, config, location=self._location())
            return job.result().to_arrow(create_bqstorage_client=False)

    def damaged(self, watch: Callable[[int, int], None]) -> Iterator[tuple[str, str, str]]:
        """See `Warehouse.damaged`: nothing, since BigQuery keeps checksums itself."""
        return iter(())

    def describe(self, name: str) -> TableDescription:
        """See `Warehouse.describe`."""
        version = self.versions().get(name)
        if version is None:
            raise WarehouseError(f"{name} is not in the warehouse {self._place}")
        with self._explained(f"{name} could not be described"):
            table = self._table(name)
            columns = tuple(
                ColumnDescription(field.name, sql_type(field), field.description or "")
                for field in table.schema
            )
            rows = table.num_rows
            if table.table_type == "VIEW":
                count = self.query(f"SELECT count(*) AS counted FROM {self.relation(name)}")
                (rows,) = count["counted"].to_pylist()
            return TableDescription(name, version, rows, table.description or "", columns)

    def outdate(self, name: str) -> None:
        """See `Warehouse.outdate`."""
        if stored := self._stored(name):
            with self._explained(f"{name} could not be changed"):
                table = self._table(stored)
                table.labels = {**table.labels, "delta_content": "0"}
                self._connection.client.update_table(table, ["labels"])

    def drop(self, name: str) -> None:
        """See `Warehouse.drop`; a table that another program loaded stays."""
        if stored := self._stored(name):
            with self._explained(f"{name} could not be removed"):
                for each in {name, stored}:
                    table = self._connection.reference.table(_table_name(each))
                    self._connection.client.delete_table(table, not_found_ok=True)

    def relation(self, name: str) -> str:
        """See `Warehouse.relation`."""
        return self._connection.sql_name(_table_name(name))

    @property
    def _place(self) -> str:
        return f"{self._connection.address.project}.{self._connection.address.dataset}"

    def _explained(self, subject: str) -> AbstractContextManager[None]:
        return explained(self._connection.address, subject)

    def _opened(self, table: TableVersion) -> Snapshot:
        with self._explained(f"{table.name} at Delta version {table.version} could not be loaded"):
            return Snapshot(table)

    def _location(self) -> str:
        try:
            return self._connection.location
        except NotFound:
            raise WarehouseError(
                f"the dataset {self._place} does not exist yet; materialize the warehouse's "
                f"assets, or look at {WAREHOUSE}"
            ) from None

    def _tables(self) -> dict[str, dict[str, str]]:
        """Return the dataset's tables and views with their labels; nothing without a dataset."""
        try:
            _ = self._connection.location
        except NotFound:
            return {}
        listed = self._connection.client.list_tables(self._connection.reference)
        return {table.table_id: dict(table.labels) for table in listed}

    def _loaded(self) -> dict[str, dict[str, str]]:
        """Return the loaded tables by name with their labels."""
        with self._explained("the tables could not be listed"):
            loaded = {
                f"{labels['delta_layer']}/{table.removesuffix(BY_PARTITION)}": labels
                for table, labels in self._tables().items()
                if "delta_version" in labels and not is_staging(table)
            }
            return dict(sorted(loaded.items()))

    def _stored(self, name: str) -> str | None:
        """Return the name of the table that holds the rows of a loaded one, None without it."""
        return _stored_name(name, self._tables()) if name in self.versions() else None

    def _table(self, name: str) -> bigquery.Table:
        return self._connection.client.get_table(
            self._connection.reference.table(_table_name(name))
        )

    def _replace_unless_done(
        self, pending: Sequence[Snapshot], existing: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Load]:
        try:
            return self._replace(pending, existing)
        except WarehouseError:
            # Another run may have loaded the same versions, and dropped the shared staging tables.
            now = self._tables()
            if not all(_is_loaded(s, now) for s in pending):
                raise
            return {}

    def _replace(
        self, pending: Sequence[Snapshot], existing: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Load]:
        self._connection.create()
        stagings, seconds = {}, {}
        for snapshot in pending:
            name, started = snapshot.table.name, time.perf_counter()
            base = _labels(existing, snapshot.table)
            with self._explained(f"{name} at Delta version {snapshot.table.version}"):
                stagings[name] = Staging(self._connection, snapshot, _change(snapshot, base))
                stagings[name].fill()
            seconds[name] = time.perf_counter() - started
        loads = {}
        for snapshot in pending:
            name, started = snapshot.table.name, time.perf_counter()
            with self._explained(f"{name} at Delta version {snapshot.table.version}"):
                table = stagings[name].swap()
            loads[name] = Load(
                name,
                snapshot.table.version,
                table.num_rows,
                bytes=sum(snapshot.files[path].bytes for path in stagings[name].files),
                skipped=False,
                seconds=seconds[name] + time.perf_counter() - started,
                stored_bytes=table.num_bytes,
                url=self._connection.page(table.table_id),
            )
        return loads

    def _skipped(self, version: TableVersion) -> Load:
        table = self._table(version.stored_name)
        return Load(
            version.name,
            int(table.labels["delta_version"]),
            table.num_rows,
            bytes=0,
            skipped=True,
            seconds=0.0,
            stored_bytes=table.num_bytes,
            url=self._connection.page(table.table_id),
        )


def _table_name(name: str) -> str:
    return name.split("/")[1]


def _stored_name(name: str, tables: Container[str]) -> str:
    merged = f"{name}{BY_PARTITION}"
    return merged if _table_name(merged) in tables else name


def _labels(existing: Mapping[str, Mapping[str, str]], table: TableVersion) -> Mapping[str, str]:
    return existing.get(_table_name(table.stored_name), {})


def _is_loaded(snapshot: Snapshot, existing: Mapping[str, Mapping[str, str]]) -> bool:
    # A version without its content version is loaded again, which copies the table to record it.
    other = "delta_version" if snapshot.table.content else "delta_content"
    expected = {key: value for key, value in labels_of(snapshot).items() if key != other}
    return expected.items() <= _labels(existing, snapshot.table).items()


def _check_ownership(
    tables: Sequence[TableVersion], existing: Mapping[str, Mapping[str, str]], place: str
) -> None:
    """Raise WarehouseError if a load would replace a foreign table or one of another layer."""
    for table in tables:
        layer, name = table.stored_name.split("/")
        ours = {name: LABELS | {"delta_layer": layer}}
        views = (_table_name(table.name) if table.merged_by else None, table.flat_view)
        ours |= {view: LABELS for view in views if view}
        for target, labels in ours.items():
            if target in existing and not labels.items() <= existing[target].items():
                raise WarehouseError(
                    f"{place}.{target} was not loaded from {table.name}; rename it, or name "
                    f"another dataset in {WAREHOUSE}"
                )


def _change(snapshot: Snapshot, base: Mapping[str, str]) -> Change | None:
    """Return the change since the loaded version, None if the complete table must be loaded."""
    labels = labels_of(snapshot)
    if base.get("delta_table") != labels["delta_table"]:
        return None
    try:
        old = Snapshot(replace(snapshot.table, version=int(base["delta_version"])))
    except DeltaError:
        # Log retention has removed that version.
        return None
    if old.schema_json != snapshot.schema_json:
        return None
    changed = changed_partitions(old.partitions(), snapshot.partitions())
    if changed is None:
        return None
    files = [*old.files.values(), *snapshot.files.values()]
    return Change(base, {f.partition: f.values for f in files if f.partition in changed})
