"""The warehouse as a BigQuery dataset: table ``layer/noun`` is ``dataset.name`` there."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import pyarrow as pa
from deltalake.exceptions import DeltaError
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from amazon_reviews.config import WAREHOUSE, BigQueryAddress
from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import (
    ColumnDescription,
    Load,
    TableDescription,
    TableVersion,
)
from amazon_reviews.resources.warehouse.bigquery.columns import sql_type
from amazon_reviews.resources.warehouse.bigquery.connection import LABELS, Connection
from amazon_reviews.resources.warehouse.bigquery.errors import explained
from amazon_reviews.resources.warehouse.bigquery.parameters import positional
from amazon_reviews.resources.warehouse.bigquery.staging import (
    Change,
    Staging,
    is_staging,
    labels_of,
)
from amazon_reviews.resources.warehouse.bigquery.views import VIEWS, refresh_view
from amazon_reviews.resources.warehouse.snapshot import Snapshot, changed_partitions


class BigQueryWarehouse:
    """Gold tables in one dataset of BigQuery, with flat views of them beside.

    A table's labels say which Delta version it holds; they change in the statement that puts the
    new rows in the place of the old ones. BigQuery cannot do that for several tables in one go: a
    load brings all its tables next to the old ones first, and only then, one after the other,
    puts them in their places. Safe to share between threads.
    """

    def __init__(self, address: BigQueryAddress) -> None:
        self._connection = Connection(address)

    def load(self, tables: Sequence[TableVersion]) -> list[Load]:
        """See `Warehouse.load`; within a table only the changed Delta partitions are uploaded."""
        if len({table.name for table in tables}) < len(tables):
            raise ValueError("a table is named twice in one load")
        snapshots = [self._opened(table) for table in tables]
        with self._explained(f"{', '.join(table.name for table in tables)} could not be loaded"):
            there = self._tables()
            _refuse_foreign(tables, there, self._place)
            pending = [s for s in snapshots if not _is_loaded(s, there)]
            loads = self._replace_unless_done(pending, there) if pending else {}
            for table in tables:
                self._refresh_view(table.name)
            return [loads.get(table.name) or self._skipped(table) for table in tables]

    def versions(self) -> dict[str, int]:
        """See `Warehouse.versions`."""
        with self._explained("the tables could not be listed"):
            found = {
                f"{labels['delta_layer']}/{noun}": int(labels["delta_version"])
                for noun, labels in self._tables().items()
                if "delta_version" in labels and not is_staging(noun)
            }
            return dict(sorted(found.items()))

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """See `Warehouse.query`; tables of the dataset need no prefix, timestamps are in UTC."""
        with self._explained("the query failed"):
            config = bigquery.QueryJobConfig(
                default_dataset=self._connection.reference,
                query_parameters=positional(parameters),
                labels=LABELS,
            )
            job = self._connection.client.query(sql, config, location=self._location())
            return job.result().to_arrow(create_bqstorage_client=False)

    def describe(self, name: str) -> TableDescription:
        """See `Warehouse.describe`."""
        if name not in self.versions():
            raise WarehouseError(f"{name} is not in the warehouse {self._place}")
        with self._explained(f"{name} could not be described"):
            table = self._table(name)
            columns = tuple(
                ColumnDescription(field.name, sql_type(field), field.description or "")
                for field in table.schema
            )
            version = int(table.labels["delta_version"])
            return TableDescription(name, version, table.num_rows, table.description or "", columns)

    def drop(self, name: str) -> None:
        """See `Warehouse.drop`; a table that another program loaded stays."""
        if name in self.versions():
            with self._explained(f"{name} could not be removed"):
                table = self._connection.reference.table(_noun(name))
                self._connection.client.delete_table(table, not_found_ok=True)

    def relation(self, name: str) -> str:
        """See `Warehouse.relation`."""
        return self._connection.sql_name(_noun(name))

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
        """Tables and views of the dataset with their labels; none where there is no dataset."""
        try:
            _ = self._connection.location
        except NotFound:
            return {}
        listed = self._connection.client.list_tables(self._connection.reference)
        return {table.table_id: dict(table.labels) for table in listed}

    def _table(self, name: str) -> bigquery.Table:
        return self._connection.client.get_table(self._connection.reference.table(_noun(name)))

    def _replace_unless_done(
        self, pending: Sequence[Snapshot], there: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Load]:
        try:
            return self._replace(pending, there)
        except WarehouseError:
            # Another run may have brought the same versions, and cleared away what both worked on.
            now = self._tables()
            if not all(_is_loaded(s, now) for s in pending):
                raise
            return {}

    def _replace(
        self, pending: Sequence[Snapshot], there: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Load]:
        self._connection.create()
        stagings, seconds = {}, {}
        for snapshot in pending:
            name, started = snapshot.table.name, time.perf_counter()
            base = _labels(there, snapshot.table)
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
        table = self._table(version.name)
        return Load(
            version.name,
            version.version,
            table.num_rows,
            bytes=0,
            skipped=True,
            seconds=0.0,
            stored_bytes=table.num_bytes,
            url=self._connection.page(table.table_id),
        )

    def _refresh_view(self, name: str) -> None:
        if name in VIEWS:
            refresh_view(self._connection, self._table(name), VIEWS[name])


def _noun(name: str) -> str:
    return name.split("/")[1]


def _labels(there: Mapping[str, Mapping[str, str]], table: TableVersion) -> Mapping[str, str]:
    return there.get(_noun(table.name), {})


def _is_loaded(snapshot: Snapshot, there: Mapping[str, Mapping[str, str]]) -> bool:
    return labels_of(snapshot).items() <= _labels(there, snapshot.table).items()


def _refuse_foreign(
    tables: Sequence[TableVersion], there: Mapping[str, Mapping[str, str]], place: str
) -> None:
    """What somebody else keeps in the dataset is never replaced, nor another layer's table."""
    for table in tables:
        layer, noun = table.name.split("/")
        mine = LABELS | {"delta_layer": layer}
        wanted = {noun: mine} | ({VIEWS[table.name]: LABELS} if table.name in VIEWS else {})
        for name, labels in wanted.items():
            if name in there and not labels.items() <= there[name].items():
                raise WarehouseError(
                    f"{place}.{name} was not loaded from {table.name}; rename it, or name another "
                    f"dataset in {WAREHOUSE}"
                )


def _change(snapshot: Snapshot, base: Mapping[str, str]) -> Change | None:
    """What to load; None where the table has to be loaded whole."""
    wanted = labels_of(snapshot)
    if base.get("delta_table") != wanted["delta_table"] or snapshot.has_deletion_vectors:
        return None
    try:
        old = Snapshot(replace(snapshot.table, version=int(base["delta_version"])))
    except DeltaError:  # the log of that version is gone
        return None
    if old.schema_json != snapshot.schema_json:
        return None
    changed = changed_partitions(old.partitions(), snapshot.partitions())
    if changed is None:
        return None
    files = [*old.files.values(), *snapshot.files.values()]
    return Change(base, {f.partition: f.values for f in files if f.partition in changed})
