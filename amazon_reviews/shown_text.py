r"""Text from data, for a terminal, Markdown, HTML and CSV.

Strangers write the data. Here it becomes text that people see as it is, and that does nothing:
no program obeys its markup, requests its addresses or computes its formulas. Characters that cannot
be seen, or that change the direction of the text around them, become escapes such as `\u202e`.
All output passes through these functions; `test_shown_text.py` asserts it.
"""

import csv
import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TextIO

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# The joiners that emoji and some scripts need.
_JOINERS = "\u200c\u200d"
_LONGEST_CELL = 60

# Markdown in which nothing but letters, digits and common punctuation occurs: no character that
# begins an element, no address that becomes a link, no number or mark that begins a list.
_INERT = re.compile(
    r"(?=[\w(\"'])(?!\d+[.)](?:\s|\Z))(?!.*(?:://|www\.))"
    r"(?:[^\W_]|(?<=[^\W_])_(?=[^\W_])|[ ,;.?!'\"()%/+=…–—·★-]|&(?= )|:(?= |\Z)"
    r"|@(?=\d+(?:\Z|[ ,)])))+",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
# Spreadsheets also read the full-width forms, and some skip what cannot be seen before them.
_FORMULA = re.compile(
    r"[\s\0-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*"
    r"[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n\0]"
)
# The characters that silver removes, too, but for the tab and the ends of lines.
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible_text(text: object) -> str:
    """Return the text in one line; an unseen, control or bidirectional character is an escape."""
    line = str(text)
    return line if line.isprintable() else "".join(map(_visible, line))


def terminal_text(text: object) -> str:
    """Return a text for a terminal or a log, in its lines; print it without markup."""
    return "\n".join(map(visible_text, str(text).split("\n")))


def printable_text(text: str) -> str:
    """Return a text in its lines and with its tabs; other control characters are escapes."""
    return _CONTROL.sub(lambda control: _escape(control[0]), text)


def markdown_text(text: object) -> str:
    """Return a text as Markdown: as it is, or as code if it could be more than text."""
    line = visible_text(text)
    if not line or _INERT.fullmatch(line):
        return line
    # In code all characters stand for themselves, and an address is no link.
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}"


def markdown_table(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table in Markdown, with long texts cut."""
    lines = [_markdown_row(map(markdown_text, header)), _markdown_row("---" for _ in header)]
    return "\n".join(lines + [_markdown_row(map(_markdown_cell, row)) for row in rows])


def html_text(text: object) -> str:
    """Return a text for HTML, between tags or as the value of an attribute."""
    return html.escape(visible_text(text))


def csv_cell(value: Any) -> Any:
    """Return a value for a CSV file; an apostrophe precedes what a spreadsheet would compute.

    Line ends and tabs stay. A number is a number, also one with a sign.
    """
    if not isinstance(value, str):
        return value
    text = printable_text(value)
    return f"'{text}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else text


def write_csv(target: TextIO, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows, the header among them, as CSV to a text file."""
    # These line ends also make the writer quote a cell with any of them.
    csv.writer(target, lineterminator="\r\n").writerows(map(csv_cell, row) for row in rows)


def _visible(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _UNSEEN:
        return character
    return _escape(character)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | Decimal | date):
        return "" if value is None else str(value)
    text = str(value)
    cut = text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"
    # Cells end at a vertical line, also in code; a backslash before it would be read with it.
    return re.sub(r"(\\*)\|", r"\1\1\\|", markdown_text(cut))
