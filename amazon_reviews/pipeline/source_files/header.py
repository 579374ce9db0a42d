"""The delimiter, quote and column names of a delimited file, found from its first lines."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.delimited import (
    Dialect,
    delimited_records,
    split_fields,
)
from amazon_reviews.pipeline.source_files.formats import Numbered, Reading

_DELIMITERS = (",", ";", "\t", "|")
_QUOTE = '"'
_SAMPLED_RECORDS = 200
_LONGEST_HEADER_LINES = 50


@dataclass(frozen=True)
class DelimitedText:
    """The layout of a delimited file.

    Attributes:
        delimiter: character between fields.
        quote: character around fields; None if quotes are text.
        header: names of the columns.
        last_header_line: number of the last line of the header, 0 without one.
    """

    delimiter: str
    quote: str | None
    header: tuple[str, ...]
    last_header_line: int


def find_layout(
    lines: Sequence[Numbered], charset: str, reading: Reading, path: str
) -> DelimitedText:
    """Return the layout that gives the most records as many fields as the header.

    `lines` are the first lines of the file, as bytes of its charset. Quotes are text if only so
    all records have the fields of the header. A file without a delimiter has one column.

    Raises:
        LandingError: the header is missing, is not text, or repeats a name.
    """
    best = _best(lines, reading, path)
    if best.quote and reading.quote is None:
        best = _without_quotes(lines, best, reading) or best
    if reading.columns is None and not best.header:
        raise LandingError(f"{path} is empty: it has no header; upload it again")
    header = reading.columns or _names(best.header, charset, best, path)
    delimiter = best.delimiter if best.fields > 1 or reading.delimiter else _preferred(path)
    return DelimitedText(delimiter, best.quote, header, best.last_header_line)


def sniffed_fit(lines: Sequence[Numbered], path: str) -> float:
    """Return the share of the records with the fields of the header; 0 if nothing is delimited."""
    best = _best(lines, Reading(), path)
    return best.fit if best.fields > 1 and best.records else 0.0


def _best(lines: Sequence[Numbered], reading: Reading, path: str) -> "_Layout":
    layouts = [
        layout
        for delimiter in ([reading.delimiter] if reading.delimiter else _DELIMITERS)
        for layout in _layouts(lines, delimiter, reading)
    ]

    def order(layout: _Layout) -> tuple[bool, float, bool, int]:
        preferred = layout.delimiter == _preferred(path)
        return layout.fields > 1, round(layout.fit, 1), preferred, layout.fields

    # The first of equal layouts is the one with quotes.
    return max(layouts, key=order)


def _preferred(path: str) -> str:
    return "\t" if ".tsv" in path.rpartition("/")[2].lower() else ","


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    quote: str | None
    header: bytes
    last_header_line: int
    fields: int
    records: int
    fit: float


def _without_quotes(lines: Sequence[Numbered], quoted: _Layout, reading: Reading) -> _Layout | None:
    """Return the layout without quotes if only so all records have the fields of the header."""
    # One record in thousands may have a quote, so all lines at hand are examined.
    bare = _layout(lines, quoted.delimiter, None, reading, None)
    if bare.fit < 1 or bare.fields < 2:
        return None
    every = _layout(lines, quoted.delimiter, quoted.quote, reading, None)
    # Quotes that are text join lines, each of which is a record.
    return bare if every.fit < 1 or every.records < bare.records else None


def _layouts(lines: Sequence[Numbered], delimiter: str, reading: Reading) -> Iterator[_Layout]:
    """Yield the layouts with this delimiter: with quotes and without."""
    if reading.quote is not None:
        yield _layout(lines, delimiter, reading.quote or None, reading)
        return
    yield _layout(lines, delimiter, _QUOTE, reading)
    yield _layout(lines, delimiter, None, reading)


def _layout(
    lines: Sequence[Numbered],
    delimiter: str,
    quote: str | None,
    reading: Reading,
    most: int | None = _SAMPLED_RECORDS,
) -> _Layout:
    header, last = b"", 0
    if reading.columns is None:
        header, last = _header(lines, delimiter, quote)
        fields = len(_split(header, delimiter, quote))
    else:
        fields = len(reading.columns)
    data = [line for line in lines if line[0] > last]
    records = list(islice(_records(data, delimiter, quote, fields), most))
    counts = [len(_split(text, delimiter, quote)) for _, text in records]
    fit = sum(count == fields for count in counts) / len(counts) if counts else 1.0
    return _Layout(delimiter, quote, header, last, fields, len(records), fit)


def _records(
    lines: list[Numbered], delimiter: str, quote: str | None, fields: int
) -> Iterator[Numbered]:
    # The first lines of a file may end within a record.
    try:
        for block in delimited_records(iter([lines]), "", delimiter, quote, fields):
            yield from block
    except LandingError:
        return


def _header(lines: Sequence[Numbered], delimiter: str, quote: str | None) -> tuple[bytes, int]:
    """Return the first record and the number of its last line."""
    start = next((at for at, (_, line) in enumerate(lines) if line.strip()), None)
    if start is None:
        return b"", 0
    number, first = lines[start]
    if quote is None or Dialect.of(delimiter, quote).closed.fullmatch(first):
        return first, number
    header = first
    for number, line in lines[start + 1 : start + _LONGEST_HEADER_LINES]:
        header += b"\n" + line
        if Dialect.of(delimiter, quote).strict.fullmatch(header):
            return header, number
    return first, lines[start][0]


def _split(record: bytes, delimiter: str, quote: str | None) -> list[str]:
    # Only the number of fields matters, so any charset of one byte per character will do.
    return split_fields(record.decode("latin-1"), delimiter, quote)


def _names(written: bytes, charset: str, layout: _Layout, path: str) -> tuple[str, ...]:
    try:
        text = written.decode(charset)
    except UnicodeDecodeError as error:
        raise LandingError(
            f"{path}: its header is not text in {charset} ({error}); upload it again, as UTF-8"
        ) from None
    cells = split_fields(text, layout.delimiter, layout.quote)
    names = tuple(name or f"column {position}" for position, name in enumerate(cells, 1))
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        raise LandingError(
            f"{path}: its header names {', '.join(repeated)[:200]} twice; name each column once, "
            "or name the columns in a profile if the file has no header"
        )
    return names
