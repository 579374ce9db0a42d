"""Metadata that the Dagster UI shows: rows, location, version, preview, reconciliation."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa
from deltalake import DeltaTable

from amazon_reviews.pipeline.reconciliation import Reconciliation
from amazon_reviews.pipeline.versions import model_version
from amazon_reviews.resources.lakehouse.tables import Lakehouse, row_count
from amazon_reviews.resources.model_store import ModelStore, StoredModel
from amazon_reviews.schemas import TABLES, Table
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.shown_text import markdown_table, markdown_text

if TYPE_CHECKING:
    from amazon_reviews.pipeline.recommender.publish import Trained

_PREVIEW_ROWS = 5
_MASKED = "•••"
_COUNTS = ("lines", "kept", "duplicates", "rejected")


def table_metadata(lakehouse: Lakehouse, key: str) -> dict[str, Any]:
    """Return row count, location, Delta version and a preview of the table as it is now.

    `pinned` is there only for a table that is pinned to a version.
    """
    table, log = lakehouse.delta(key), lakehouse.log(key)
    pinned = {} if log is None or log.pinned is None else {"pinned": f"to version {log.pinned}"}
    return {
        **pinned,
        "dagster/row_count": row_count(table),
        "dagster/uri": lakehouse.uri(key),
        "delta_version": table.version(),
        "preview": preview(table, TABLES[key]),
    }


def data_version(
    lakehouse: Lakehouse, key: str, partitions: Sequence[str] = (WHOLE,)
) -> dg.DataVersion:
    """Return the version of a table, or of the partitions of a run, as the planner compares it.

    So Dagster calls an asset unsynced when the planner finds that an input of it is newer.
    """
    versions = lakehouse.versions(key)
    text = " ".join(str(versions.get(name, 0)) for name in partitions)
    return dg.DataVersion(text if len(partitions) == 1 else sha256(text.encode()).hexdigest())


def model_data_version(store: ModelStore, key: str) -> dg.DataVersion:
    """Return the version of a model, as the planner compares it."""
    return dg.DataVersion(str(model_version(store, key)))


def version_tags(lakehouse: Lakehouse, key: str, partition: str) -> dict[str, str]:
    """Return the data version of a partition as tags of an event that a step logs itself."""
    return {"dagster/data_version": data_version(lakehouse, key, [partition]).value}


def is_behind(lakehouse: Lakehouse, key: str, above: str, partition: str = WHOLE) -> bool:
    """Return True if a partition was built from another version of an input than is there now."""
    records = lakehouse.records(key)
    built = records.inputs.get(above, {}).get(partition, 0) if records else 0
    return built != lakehouse.versions(above).get(WHOLE, 0)


def preview(table: DeltaTable, declared: Table) -> dg.MarkdownMetadataValue:
    """Return some rows of the table, long values cut and personal data masked."""
    names = [field.name for field in table.schema().fields]
    # A table of an earlier release lacks columns, or has others, which may be of any kind.
    open_columns = {column.name for column in declared.columns if not column.pii}
    # Not by a dataset of Arrow, which decodes the whole file, or batches as small as the preview.
    stream = table.scan(columns=[name for name in names if name in open_columns])
    rows: list[dict[str, Any]] = []
    for batch in pa.RecordBatchReader.from_stream(stream):
        rows += batch.slice(0, _PREVIEW_ROWS - len(rows)).to_pylist()
        if len(rows) == _PREVIEW_ROWS:
            break
    return rows_metadata(names, [[row.get(name, _MASKED) for name in names] for row in rows])


def rounded(value: float) -> float:
    """Return a number with four significant digits, as people read it."""
    return float(f"{value:.4g}")


def megabytes(size: int) -> float:
    """Return a number of bytes in MB, for metadata whose name ends in `_mb`."""
    return rounded(size / 1_000_000)


def rows_metadata(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> dg.MarkdownMetadataValue:
    """Return rows as a table; texts from data are shown as they are, numbers rounded."""
    short = ([rounded(v) if isinstance(v, float) else v for v in row] for row in rows)
    return dg.MetadataValue.md(markdown_table(header, short))


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """Return a PNG picture as Markdown."""
    return dg.MetadataValue.md(f"![](data:image/png;base64,{b64encode(png).decode()})")


def model_metadata(trained: "Trained") -> dict[str, Any]:
    """Return version, place, size and parameters of a model in the model store."""
    return {
        "model_version": trained.model_version,
        **stored_model_metadata(trained.stored),
        "parameters": dg.MetadataValue.json(dict(trained.parameters)),
    }


def stored_model_metadata(stored: StoredModel) -> dict[str, Any]:
    """Return the version and size of a model in the store, and its run in MLflow."""
    metadata: dict[str, Any] = {
        "store_version": stored.version,
        "size_mb": megabytes(stored.path.stat().st_size),
        "mlflow_run_id": stored.run_id,
    }
    if stored.url:
        metadata["mlflow_run"] = dg.MetadataValue.url(stored.url)
    return metadata


def account_check(account: Reconciliation) -> dg.AssetCheckResult:
    """Return the check that every line of a partition is accounted for.

    Its numbers are shares: the UI plots the results of all partitions of a check in one line.
    """
    *others, last = (f"{getattr(account, name):,} {name}" for name in _COUNTS[1:])
    figures = f"{account.lines:,} lines: {', '.join(others)} and {last}"
    return dg.AssetCheckResult(
        passed=account.balanced,
        check_name="accounted",
        description=figures if account.balanced else markdown_text(_unbalanced([account])),
        metadata={
            f"{name}_share": share_of(getattr(account, name), account.lines) for name in _COUNTS[1:]
        }
        | {"figures": figures},
    )


def accounts_check(accounts: Sequence[Reconciliation]) -> dg.AssetCheckResult:
    """Return the check that every line is accounted for, with a table of the partitions."""
    header = ["partition", *_COUNTS]
    rows = [[getattr(account, column) for column in header] for account in accounts]
    totals = {name: sum(getattr(account, name) for account in accounts) for name in _COUNTS}
    unbalanced = _unbalanced(accounts)
    return dg.AssetCheckResult(
        passed=not unbalanced,
        check_name="accounted",
        description=markdown_text(unbalanced or "every line is accounted for"),
        metadata={"accounts": rows_metadata(header, rows), **totals},
    )


def share_of(part: int, whole: int) -> float:
    """Return a share with four digits, 0 of nothing."""
    return round(part / max(whole, 1), 4)


def _unbalanced(accounts: Sequence[Reconciliation]) -> str:
    off = [account.partition for account in accounts if not account.balanced]
    return f"unbalanced: {', '.join(off)}" if off else ""


def record_accounted(
    lakehouse: Lakehouse, key: str, accounts: Sequence[Reconciliation], *, whole: bool = False
) -> None:
    """Record the verdict of the check `accounted`, for each partition or for a `whole` table."""
    balanced = {account.partition: account.balanced for account in accounts}
    verdicts = {WHOLE: all(balanced.values())} if whole else balanced
    lakehouse.record(key, checks={name: {"accounted": ok} for name, ok in verdicts.items()})
