"""CSV files, record by record as they are written (RFC 4180), and faults of a file.

A record may extend over several lines within quotes. A quote that is never closed spoils no other
records: if text follows the quote that would close a record of several lines, only the first line
is a bad record, and the lines after it are read again.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from amazon_reviews.errors import LandingError

_LONGEST_RECORD_BYTES = 4 * 1024 * 1024
_FIELD = rb'(?:"(?:[^"]++|"")*+"[^,]*+|[^",][^,]*+|)'
_CLOSED = re.compile(rb"%b(?:,%b)*+" % (_FIELD, _FIELD))
_QUOTED_WHOLE = rb'(?:"(?:[^"]++|"")*+"|[^",][^,]*+|)'
_STRICT = re.compile(rb"%b(?:,%b)*+\r?" % (_QUOTED_WHOLE, _QUOTED_WHOLE))
_AFTER_COMMA = re.compile(rb",(?:%b)" % _FIELD)

Numbered = tuple[int, bytes]


def csv_records(
    blocks: Iterable[list[bytes]], path: str, required: Sequence[str]
) -> Iterator[tuple[list[str], list[Numbered]]]:
    """Yield the names of the header with blocks of numbered records.

    The number of a record is that of its first line. A column without a name is named by its
    position, such as `column 1`, because pandas writes its index without a name. `blocks` are the
    lines of the file at `path`. Lines of white space outside of quotes are skipped.

    Raises:
        LandingError: the header is missing, lacks a `required` column or repeats one, or the file
            ends within a record.
    """
    numbered = _numbered(blocks)
    header, first = _header(numbered, path, required)
    splitter = _Splitter(len(header))
    blocks_of_records = chain(map(splitter.split, chain([first], numbered)), splitter.end(path))
    yield from ((header, records) for records in blocks_of_records if records)


def _numbered(blocks: Iterable[list[bytes]]) -> Iterator[list[Numbered]]:
    before = 0
    for block in blocks:
        yield list(enumerate(block, before + 1))
        before += len(block)


def _header(
    blocks: Iterator[list[Numbered]], path: str, required: Sequence[str]
) -> tuple[list[str], list[Numbered]]:
    """Return the names of the columns, and the lines after them in the same block."""
    for block in blocks:
        for position, (_, line) in enumerate(block):
            if line.strip():
                return _names(line, path, required), block[position + 1 :]
    raise LandingError(f"{path} is empty: it has no header; upload it again")


def _names(line: bytes, path: str, required: Sequence[str]) -> list[str]:
    try:
        names = [name.strip() for name in next(csv.reader([line.decode("utf-8")]))]
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise LandingError(f"{path}: its header is not UTF-8 text ({error})") from None
    names = [name or f"column {position}" for position, name in enumerate(names, 1)]
    listed = ", ".join(names)[:200]
    if missing := [name for name in required if name not in names]:
        raise LandingError(
            f"{path}: its header lacks {', '.join(missing)}; it names {listed}. Columns are "
            "separated by commas"
        )
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise LandingError(f"{path}: its header names {', '.join(repeated)} twice")
    return names


@dataclass
class _Splitter:
    """Joins lines to records; `fields` is the number of columns in the header."""

    fields: int
    _open: list[Numbered] = field(default_factory=list)
    _bytes: int = 0

    def split(self, lines: list[Numbered]) -> list[Numbered]:
        """Return the records that end in these lines; keep the rest for the next ones."""
        if not self._open and not any(b'"' in line for _, line in lines):
            return [(number, line) for number, line in lines if line.strip()]
        records = []
        rest = deque(lines)
        while rest:
            number, line = rest.popleft()
            if self._open or b'"' in line:
                records += self._quoted(number, line, rest)
            elif line.strip():
                records.append((number, line))
        return records

    def end(self, path: str) -> Iterator[list[Numbered]]:
        """Yield the records that remain at the end of the file.

        Raises:
            LandingError: the file ends within a record.
        """
        while self._open:
            first, *others = self._open
            if not any(_count(line) == self.fields for _, line in others):
                raise LandingError(
                    f"{path} ends within the quotes that line {first[0]} opens; upload it again"
                )
            self._open = []
            yield [first, *self.split(others)]

    def _quoted(self, number: int, line: bytes, rest: deque[Numbered]) -> list[Numbered]:
        """Return the record that this line ends, if any; return lines to read again to `rest`."""
        closed = _CLOSED.fullmatch(b'"' + line if self._open else line)
        self._bytes = self._bytes + len(line) if self._open else len(line)
        self._open.append((number, line))
        if not closed and self._bytes <= _LONGEST_RECORD_BYTES:
            return []
        first, *others = self._open
        record = b"\n".join(text for _, text in self._open)
        self._open = []
        if not others or _STRICT.fullmatch(record):
            return [(first[0], record)]
        rest.extendleft(reversed(others))
        return [first]


def _count(record: bytes) -> int:
    return len(_AFTER_COMMA.findall(b"," + record))
