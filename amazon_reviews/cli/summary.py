"""What a headless run leaves behind: the books, and a look into the warehouse."""

from typing import Any

import click

from amazon_reviews.cli.tables import print_table
from amazon_reviews.cli.terminal import plain
from amazon_reviews.config import Settings
from amazon_reviews.errors import WarehouseError
from amazon_reviews.headless.runner import Outcome
from amazon_reviews.pipeline.reconciliation import all_accounts
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas import MART_TABLES

_QUERIES = {
    "Reviews by stars": """
        SELECT overall AS stars, count(*) AS reviews FROM {gold/reviews}
        WHERE NOT unrated GROUP BY overall ORDER BY overall DESC
    """,
    "Main categories by reviews": """
        SELECT main_category, count(*) AS reviews, round(avg(overall), 2) AS mean_stars
        FROM {gold/reviews} WHERE main_category IS NOT NULL
        GROUP BY main_category ORDER BY reviews DESC, main_category LIMIT 5
    """,
}
_COLUMNS = ("lines", "kept", "duplicates", "rejected")


def summary(settings: Settings, outcome: Outcome) -> dict[str, Any]:
    """Return what was done, the reconciliation by table, and the rows of the warehouse's tables.

    `warehouse_error` says why the warehouse cannot be read, None if it can: what was done before
    is told all the same.
    """
    rows: dict[str, int] = {}
    error = None
    try:
        warehouse = open_warehouse(settings.warehouse)
        rows = {name: warehouse.describe(name).rows for name in warehouse.versions()}
    except WarehouseError as unreadable:
        error = str(unreadable)
    return {
        "nothing_new": outcome.nothing_new,
        "stages": [
            {"assets": stage.name, "partitions": len(stage.partitions), "seconds": round(took, 2)}
            for stage, took in outcome.stages
        ],
        "failures": outcome.failures,
        "disappeared": outcome.disappeared,
        "books": _books(Lakehouse(location=settings.lakehouse)),
        "warehouse": rows,
        "warehouse_error": error,
    }


def print_summary(report: dict[str, Any], settings: Settings) -> None:
    """Print the summary for people."""
    print_table(report["books"], title="\nWhat came in, and what became of it")
    error = report["warehouse_error"]
    try:
        if not error:
            _print_warehouse(report["warehouse"], settings)
    except WarehouseError as unreadable:
        error = str(unreadable)
    if error:
        click.echo(plain(f"\nThe warehouse cannot be read: {error}"), err=True)
    click.echo(
        "\nGo on with\n"
        "  make ui                              the Dagster UI on the same data\n"
        "  .venv/bin/amazon-reviews app         the dashboard\n"
        f"  {plain(settings.report)}   the same as one page\n"
        "  .venv/bin/amazon-reviews reconcile   the books of every partition\n"
        "  .venv/bin/amazon-reviews rejected list"
    )


def _print_warehouse(rows: dict[str, int], settings: Settings) -> None:
    """Print its tables and a look into the reviews. Raises WarehouseError."""
    warehouse = open_warehouse(settings.warehouse)
    print_table(_tables(rows), title=f"\nIn the warehouse ({settings.warehouse})")
    if "gold/reviews" in rows:
        for title, sql in _QUERIES.items():
            query = sql.replace("{gold/reviews}", warehouse.relation("gold/reviews"))
            print_table(warehouse.query(query).to_pylist(), title=f"\n{title}")


def _tables(rows: dict[str, int]) -> list[dict[str, Any]]:
    """The layers' own tables one by one, the marts as one."""
    marts = {table.key for table in MART_TABLES}
    shown = [{"table": name, "rows": rows[name]} for name in rows if name not in marts]
    found = marts & rows.keys()
    return [*shown, {"table": f"{len(found)} marts", "rows": sum(rows[name] for name in found)}]


def _books(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    books: dict[str, dict[str, Any]] = {}
    for account in all_accounts(lakehouse):
        name = f"{account.layer}/{account.table}"
        book = books.setdefault(name, {"table": name, **dict.fromkeys(_COLUMNS, 0)})
        for column in _COLUMNS:
            book[column] += getattr(account, column)
    return list(books.values())
