"""Delimited text, record by record as it is written (RFC 4180 with any delimiter).

A record may extend over several lines within quotes. A quote that is never closed spoils no other
records: only the line that opens it is a bad record, and the lines after it are read again. It
counts as never closed if text follows the quote that would close it, if the record would have more
fields than the header, or if its quotes are open for more than 16 MiB.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.formats import (
    Blocks,
    Numbered,
)

_LONGEST_OPEN_BYTES = 16 * 1024 * 1024
_MOST_OPEN_LINES = 500_000
_MOST_READ_AGAIN = 8
_FREE_READ_AGAIN = 100_000


def delimited_records(
    blocks: Blocks, path: str, delimiter: str, quote: str | None, fields: int
) -> Blocks:
    """Yield the records of numbered lines; the number of a record is that of its first line.

    `fields` is the number of columns. Lines of white space outside of quotes are skipped.

    Raises:
        LandingError: the file at `path` ends within a record.
    """
    if quote is None:
        yield from ([line for line in block if line[1].strip()] for block in blocks)
        return
    splitter = _Splitter(Dialect.of(delimiter, quote), delimiter.encode(), fields, path)
    yield from chain(map(splitter.split, blocks), splitter.end())


def split_fields(record: str, delimiter: str, quote: str | None) -> list[str]:
    """Return the values of a record without their quotes and the white space around."""
    record = record.removesuffix("\r")
    if quote is None or quote not in record:
        return [value.strip() for value in record.split(delimiter)]
    written = _written_fields(delimiter, quote).findall(delimiter + record)
    return [_value(text, quote).strip() for text in written]


@lru_cache(maxsize=16)
def _written_fields(delimiter: str, quote: str) -> re.Pattern[str]:
    d, q = re.escape(delimiter), re.escape(quote)
    return re.compile(rf"{d}({q}(?:[^{q}]++|{q}{q})*+{q}[^{d}]*+|[^{d}]*+)")


def _value(written: str, quote: str) -> str:
    if not written.startswith(quote):
        return written
    inner, _, after = written[1:].rpartition(quote)
    return inner.replace(quote * 2, quote) + after


@dataclass(frozen=True)
class Dialect:
    """The patterns of a delimiter and a quote.

    Attributes:
        quote: the quote as bytes.
        closed: a line that leaves no quote open.
        strict: a record whose quotes are around whole fields, and closed.
        strict_open: its beginning, up to within the quotes of a field.
        field: a field after its delimiter; its quotes may be left open.
    """

    quote: bytes
    closed: re.Pattern[bytes]
    strict: re.Pattern[bytes]
    strict_open: re.Pattern[bytes]
    field: re.Pattern[bytes]

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, delimiter: str, quote: str) -> "Dialect":
        """Return the patterns of a delimiter and a quote of one ASCII character each."""
        d, q = re.escape(delimiter.encode()), re.escape(quote.encode())
        inner = rb"%b(?:[^%b]++|%b%b)*+" % (q, q, q, q)
        bare = rb"[^%b%b][^%b]*+" % (q, d, d)
        loose = rb"(?:%b%b[^%b]*+|%b|)" % (inner, q, d, bare)
        whole = rb"(?:%b%b|%b|)" % (inner, q, bare)
        return cls(
            quote.encode(),
            closed=re.compile(rb"%b(?:%b%b)*+" % (loose, d, loose)),
            strict=re.compile(rb"%b(?:%b%b)*+\r?" % (whole, d, whole)),
            strict_open=re.compile(rb"(?:%b%b)*+%b" % (whole, d, inner)),
            field=re.compile(rb"%b(?:%b%b?+[^%b]*+|%b|)" % (d, inner, q, d, bare)),
        )

    def count(self, record: bytes, delimiter: bytes) -> int:
        """Return the number of fields, of which the last may be left open."""
        return len(self.field.findall(delimiter + record))


@dataclass
class _Splitter:
    """Joins lines to records of `fields` fields."""

    dialect: Dialect
    delimiter: bytes
    fields: int
    path: str
    _lines: int = 0
    _read_again: int = 0
    _open: list[Numbered] = field(default_factory=list)
    _bytes: int = 0
    _fields: int = 0

    def split(self, lines: list[Numbered]) -> list[Numbered]:
        """Return the records that end in these lines; keep the rest for the next ones."""
        self._lines += len(lines)
        quote = self.dialect.quote
        if not self._open and not any(quote in line for _, line in lines):
            return [(number, line) for number, line in lines if line.strip()]
        records = []
        rest = deque(lines)
        while rest:
            number, line = rest.popleft()
            if self._open:
                records += self._continued(number, line, rest)
            elif quote not in line or self.dialect.closed.fullmatch(line):
                if line.strip():
                    records.append((number, line))
            elif not self._opens(number, line):
                records.append((number, line))
        return records

    def end(self) -> Iterator[list[Numbered]]:
        """Yield the records that remain at the end of the file.

        Raises:
            LandingError: the file ends within a record.
        """
        while self._open:
            first, *others = self._open
            if not any(self._count(line) == self.fields for _, line in others):
                raise LandingError(
                    f"{self.path} ends within the quotes that line {first[0]} opens; upload it "
                    "again"
                )
            self._open = []
            self._check_effort(others)
            yield [first, *self.split(others)]

    def _opens(self, number: int, line: bytes) -> bool:
        """Return True if the line may be the beginning of a record of several lines."""
        if not self.dialect.strict_open.fullmatch(line) or len(line) > _LONGEST_OPEN_BYTES:
            return False
        self._open = [(number, line)]
        self._bytes = len(line)
        self._fields = 0
        return True

    def _continued(self, number: int, line: bytes, rest: deque[Numbered]) -> list[Numbered]:
        """Return the record that this line ends, if any; return lines to read again to `rest`."""
        self._open.append((number, line))
        self._bytes += len(line) + 1
        too_long = self._bytes > _LONGEST_OPEN_BYTES or len(self._open) > _MOST_OPEN_LINES
        if self.dialect.quote not in line:
            if not too_long:
                return []
        elif self.dialect.strict.fullmatch(self.dialect.quote + line):
            record = b"\n".join([text for _, text in self._open])
            if record.count(self.delimiter) < self.fields or self._count(record) <= self.fields:
                number = self._open[0][0]
                self._open = []
                return [(number, record)]
        elif not too_long and self._stays_open(line):
            return []
        first, *others = self._open
        self._open = []
        self._check_effort(others)
        rest.extendleft(reversed(others))
        return [first]

    def _check_effort(self, read_again: list[Numbered]) -> None:
        """Refuse a file whose lines are read again too often, which would take days."""
        self._read_again += len(read_again)
        if self._read_again > _MOST_READ_AGAIN * self._lines + _FREE_READ_AGAIN:
            raise LandingError(
                f"{self.path}: quotes are not closed in too many of its {self._lines} first lines; "
                "if quotes are text, name no quote in a profile"
            )

    def _stays_open(self, line: bytes) -> bool:
        quoted = self.dialect.quote + line
        self._fields = self._fields or self._count(self._open[0][1])
        self._fields += self._count(quoted) - 1
        return self._fields <= self.fields and bool(self.dialect.strict_open.fullmatch(quoted))

    def _count(self, record: bytes) -> int:
        return self.dialect.count(record, self.delimiter)
