"""Elements of a JSON document that is not one object per line: an array, or indented objects.

The number of a record is the position of its element, from 1, because one line may hold all of
them. An element is as it is written, without its line breaks and indents, so that an element that
is not valid JSON is a record too.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.formats import (
    BLOCK_BYTES,
    BLOCK_ROWS,
    LONGEST_LINE_BYTES,
    Blocks,
    Numbered,
)

_READ_BYTES = 1024 * 1024
_BLANKS = re.compile(rb"[ \t\r\n]*")
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|%b)*+([{}\[\]])' % _STRING, re.DOTALL)
_TO_SEPARATOR = re.compile(rb'(?:[^",}\]]++|%b)*+([,}\]])' % _STRING, re.DOTALL)
_DEEPEST = 10_000
# A line feed is never part of a JSON string.
_LINE_BREAKS = re.compile(rb"[ \t\r]*\n\s*")


class _IncompleteError(Exception):
    """The text ends within an element."""


def array_records(blocks: Iterable[bytes], path: str) -> Blocks:
    """Yield the elements of a JSON array.

    Raises:
        LandingError: the array has no end, text follows it, or an element is too long.
    """
    yield from _bounded(_Elements(blocks, path).of_array())


def object_records(blocks: Iterable[bytes], path: str) -> Blocks:
    """Yield JSON objects that follow each other, each over any number of lines.

    Raises:
        LandingError: the file ends within an object, or other text is between them.
    """
    yield from _bounded(_Elements(blocks, path).of_series())


def is_series(head: bytes) -> bool:
    """Return True if the text begins with an object that extends over more than one line."""
    text = head.lstrip()
    first, _, rest = text.partition(b"\n")
    try:
        value = text[: _end_of_value(text, 0)]
    except RecursionError:
        return False
    except _IncompleteError:
        # Either the head is too short for it, or it is the one broken line of a file of lines.
        return first.strip() == b"{" and not is_json(rest.lstrip().partition(b"\n")[0])
    return b"\n" in value and is_json(value)


def is_json(text: bytes) -> bool:
    """Return True if the text is one JSON value."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _bounded(elements: Iterator[bytes]) -> Blocks:
    block: list[Numbered] = []
    size = 0
    for number, element in enumerate(elements, 1):
        block.append((number, element))
        size += len(element)
        if size > BLOCK_BYTES or len(block) == BLOCK_ROWS:
            yield block
            block, size = [], 0
    yield block


@dataclass
class _Elements:
    """A window over the text, which is moved on while its elements are read."""

    blocks: Iterable[bytes]
    path: str

    def __post_init__(self) -> None:
        self._blocks = iter(self.blocks)
        self._text = b""
        self._at = 0
        self._count = 0

    def of_array(self) -> Iterator[bytes]:
        self._next_byte()
        self._at += 1
        if self._next_byte() == b"]":
            self._at += 1
        else:
            yield from self._separated()
        if self._next_byte():
            raise LandingError(f"{self.path}: text follows the end of its JSON array")

    def of_series(self) -> Iterator[bytes]:
        while first := self._next_byte():
            if first != b"{":
                raise LandingError(
                    f"{self.path}: after object {self._count} follows text that is no JSON object; "
                    "upload one object per line"
                )
            yield self._element()

    def _separated(self) -> Iterator[bytes]:
        while True:
            yield self._element()
            separator = self._next_byte()
            if not separator:
                raise self._cut_off()
            self._at += 1
            if separator == b"]":
                return

    def _element(self) -> bytes:
        """Return the next element: the text up to its closing bracket, or the next comma."""
        self._count += 1
        self._next_byte()
        while True:
            try:
                end = _end_of_value(self._text, self._at)
            except _IncompleteError:
                size = len(self._text) - self._at
                if size > LONGEST_LINE_BYTES:
                    raise LandingError(
                        f"{self.path}: element {self._count} is longer than "
                        f"{LONGEST_LINE_BYTES >> 20} MiB"
                    ) from None
                # Twice as much each time, so that a long element is not scanned too often.
                if not self._read(max(size, 1)):
                    raise self._cut_off() from None
                continue
            except RecursionError:
                raise LandingError(
                    f"{self.path}: element {self._count} is nested more than {_DEEPEST} levels deep"
                ) from None
            element = self._text[self._at : end]
            self._at = end
            return _LINE_BREAKS.sub(b"", element) if b"\n" in element else element.rstrip()

    def _next_byte(self) -> bytes:
        """Return the next byte that is not blank, without passing it; b"" at the end."""
        while True:
            match = _BLANKS.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or not self._read(1):
                return self._text[self._at : self._at + 1]

    def _read(self, size: int) -> bool:
        """Read at least `size` bytes more; return False at the end of the file."""
        parts = [self._text[self._at :]]
        count = 0
        while count < size and (block := next(self._blocks, b"")):
            parts.append(block)
            count += len(block)
        self._text, self._at = b"".join(parts), 0
        return count > 0

    def _cut_off(self) -> LandingError:
        return LandingError(
            f"{self.path} ends within its JSON text, after {self._count} elements; upload it again"
        )


def _end_of_value(text: bytes, start: int) -> int:
    """Return the end of the value at `start`: behind its last bracket, or before the next comma.

    Raises:
        _IncompleteError: the text ends before the value does.
        RecursionError: it is nested too deep to be read.
    """
    if text[start : start + 1] not in (b"{", b"["):
        if separator := _TO_SEPARATOR.match(text, start):
            return separator.start(1)
        raise _IncompleteError
    depth = 0
    at = start
    while bracket := _TO_BRACKET.match(text, at):
        depth += 1 if bracket[1] in b"{[" else -1
        at = bracket.end()
        if depth > _DEEPEST:
            raise RecursionError
        if not depth:
            return at
    raise _IncompleteError
