"""What the Dagster UI shows of a table: rows, schema, place, version, a preview, the books."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from deltalake import DeltaTable

from amazon_reviews.markdown import markdown
from amazon_reviews.pipeline.reconciliation import Account
from amazon_reviews.resources.lakehouse.tables import Lakehouse, row_count
from amazon_reviews.schemas import TABLES, Table

if TYPE_CHECKING:
    from amazon_reviews.pipeline.recommender.train import Trained

_PREVIEW_ROWS = 5


def table_metadata(lakehouse: Lakehouse, key: str) -> dict[str, Any]:
    """Row count, place, Delta version and a preview of the table as it is now."""
    table = lakehouse.delta(key)
    return {
        "dagster/row_count": row_count(table),
        "dagster/uri": lakehouse.uri(key),
        "delta_version": table.version(),
        "preview": dg.MetadataValue.md(preview(table)),
    }


def column_schema(key: str) -> dg.TableSchema:
    """The table's columns with types and descriptions."""
    table: Table = TABLES[key]
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, str(column.type), column.description)
            for column in table.columns
        ]
    )


def preview(table: DeltaTable) -> str:
    """The first rows of the table as Markdown, long values cut.

    Nothing is read ahead, which would take seconds and a gigabyte for five rows.
    """
    # Here because it brings pandas: a run that finds nothing new would wait for it.
    from pyarrow.dataset import ParquetFragmentScanOptions

    rows = table.to_pyarrow_dataset().head(
        _PREVIEW_ROWS,
        batch_size=_PREVIEW_ROWS,
        batch_readahead=0,
        fragment_readahead=0,
        fragment_scan_options=ParquetFragmentScanOptions(use_buffered_stream=True),
    )
    return markdown(rows.column_names, [row.values() for row in rows.to_pylist()])


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """A PNG picture, within Markdown."""
    return dg.MetadataValue.md(f"![](data:image/png;base64,{b64encode(png).decode()})")


def model_metadata(trained: "Trained") -> dict[str, Any]:
    """What a model is, in the model store, and what it was made with."""
    return {
        "model_version": trained.model_version,
        "store_version": trained.stored.version,
        "bytes": trained.stored.path.stat().st_size,
        "parameters": dg.MetadataValue.json(dict(trained.parameters)),
    }


def accounts_check(name: str, accounts: Sequence[Account]) -> dg.AssetCheckResult:
    """Whether every account is balanced, with the accounts of the partitions as a table."""
    header = ["partition", "lines", "kept", "duplicates", "rejected"]
    shown = [[getattr(account, column) for column in header] for account in accounts]
    off = [account.partition for account in accounts if not account.balanced]
    return dg.AssetCheckResult(
        passed=not off,
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"unbalanced: {', '.join(off)}" if off else "every line is accounted for",
        metadata={"accounts": dg.MetadataValue.md(markdown(header, shown)), **_totals(accounts)},
    )


def report_partitions(
    context: dg.AssetExecutionContext, figures: Mapping[str, Mapping[str, Any]]
) -> None:
    """Add the figures of each partition to its own materialization."""
    for name, metadata in figures.items():
        context.add_asset_metadata(dict(metadata), partition_key=name)


def _totals(accounts: Sequence[Account]) -> dict[str, int]:
    columns = ("lines", "kept", "duplicates", "rejected")
    return {column: sum(getattr(account, column) for account in accounts) for column in columns}
