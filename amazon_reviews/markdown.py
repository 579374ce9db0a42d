"""Tables as Markdown."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

_CHARACTERS = 60


def markdown(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a Markdown table; long values are cut, and characters that would break it escaped."""
    lines = [_row(header), _row("---" for _ in header)]
    return "\n".join(lines + [_row(_cell(value) for value in row) for row in rows])


def _row(values: Iterable[Any]) -> str:
    return "| " + " | ".join(str(value) for value in values) + " |"


def _cell(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | Decimal | date | datetime):
        return "" if value is None else str(value)
    text = str(value.as_py() if isinstance(value, pa.Scalar) else value)
    cut = text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + "…"
    return cut.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
