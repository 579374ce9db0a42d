"""Tables for people at a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from amazon_reviews.cli.common.console import console
from amazon_reviews.shown_text import terminal_text, visible_text


def print_table(rows: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """Print rows with the same keys as a table on stdout, with numbers aligned to the right.

    A missing value is a dash.
    """
    if not rows:
        return
    heading = None if title is None else Text(terminal_text(title), "table.title")
    table = Table(title=heading, title_justify="left", box=None, header_style="bold")
    for name, value in rows[0].items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(_cell(name), justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(_formatted(value)) for value in row.values()))
    console().print(table)


def _cell(text: str) -> Text:
    return Text(visible_text(text))


def _formatted(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
