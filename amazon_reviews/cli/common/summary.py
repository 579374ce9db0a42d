"""The summary of a headless run: stages, reconciliation, and rows of the warehouse."""

from typing import Any

from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.tables import print_table
from amazon_reviews.config import Settings
from amazon_reviews.errors import WarehouseError
from amazon_reviews.headless.runner import Outcome
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas import MART_TABLES
from amazon_reviews.schemas.vocabulary import UNKNOWN

_QUERIES = {
    "Reviews by stars": """
        SELECT overall AS stars, count(*) AS reviews FROM {gold/reviews}
        WHERE NOT unrated GROUP BY overall ORDER BY overall DESC
    """,
    "Main categories by reviews": f"""
        SELECT coalesce(main_category, '{UNKNOWN}') AS main_category, count(*) AS reviews,
            round(avg(overall), 2) AS mean_stars
        FROM {{gold/reviews}} GROUP BY 1 ORDER BY reviews DESC, main_category LIMIT 5
    """,
}
_COLUMNS = ("lines", "kept", "duplicates", "rejected")


def summarize(settings: Settings, outcome: Outcome) -> dict[str, Any]:
    """Return the stages, unmatched files, reconciliation by table, and rows of the warehouse.

    If the warehouse cannot be read, `warehouse_error` is the reason: the stages before the
    warehouse are reported nevertheless.
    """
    rows: dict[str, int] = {}
    warehouse_error = None
    try:
        rows = open_warehouse(settings.warehouse).stored_rows()
    except WarehouseError as error:
        warehouse_error = str(error)
    return {
        "nothing_new": outcome.nothing_new,
        "stages": [
            {"assets": stage.name, "partitions": len(stage.partitions), "seconds": round(took, 2)}
            for stage, took in outcome.stages
        ],
        "failures": outcome.failures,
        "disappeared": outcome.disappeared,
        "pinned": outcome.pins,
        "unmatched": outcome.unmatched.rows(),
        "reconciliation": _reconciliation(Lakehouse(settings.lakehouse)),
        "warehouse": rows,
        "warehouse_error": warehouse_error,
    }


def print_summary(summary: dict[str, Any], settings: Settings) -> None:
    """Print the summary for people."""
    print_table(summary["reconciliation"], title="\nLines by table")
    warehouse_error = summary["warehouse_error"]
    try:
        if not warehouse_error:
            _print_warehouse(summary["warehouse"], settings)
    except WarehouseError as error:
        warehouse_error = str(error)
    if warehouse_error:
        echo(f"\nThe warehouse cannot be read: {warehouse_error}", err=True)
    echo(
        "\nNext steps\n"
        "  make ui                              the Dagster UI on the same data\n"
        "  .venv/bin/amazon-reviews app         the dashboard\n"
        f"  {settings.report}   the report on one page\n"
        "  .venv/bin/amazon-reviews reconcile   the reconciliation of every partition\n"
        "  .venv/bin/amazon-reviews rejected list"
    )


def _print_warehouse(rows: dict[str, int], settings: Settings) -> None:
    """Print the tables of the warehouse, with all marts in one row, and two queries."""
    warehouse = open_warehouse(settings.warehouse)
    marts = rows.keys() & {table.key for table in MART_TABLES}
    tables = [{"table": name, "rows": rows[name]} for name in rows if name not in marts]
    tables.append({"table": f"{len(marts)} marts", "rows": sum(rows[name] for name in marts)})
    print_table(tables, title=f"\nIn the warehouse ({settings.warehouse})")
    if "gold/reviews" in rows:
        for title, sql in _QUERIES.items():
            query = sql.replace("{gold/reviews}", warehouse.relation("gold/reviews"))
            print_table(warehouse.query(query).to_pylist(), title=f"\n{title}")


def _reconciliation(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = {}
    for account in reconcile_all(lakehouse):
        name = f"{account.layer}/{account.table}"
        sums = tables.setdefault(name, {"table": name, **dict.fromkeys(_COLUMNS, 0)})
        for column in _COLUMNS:
            sums[column] += getattr(account, column)
    return list(tables.values())
