"""The records in the body of an event: the body itself, or those of a batch.

A batch is an array of objects, an object whose only key is "records" with such an array, or
objects one a line; any of them, or one object, may be compressed with gzip. That is how Azure
Stream Analytics, Azure Monitor and Event Hubs' own senders put several records into one event.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from typing import NamedTuple

MAX_INFLATED = 16 * 1024 * 1024
MAX_RECORDS = 250_000

_BLANKS = " \t\r\n"
_GZIP, _BOM = b"\x1f\x8b", b"\xef\xbb\xbf"
_ORDINARY = re.compile(rb'\{(?![ \t\r\n]*"records")[^\n]*')
_RECORDS = re.compile(r'[ \t\r\n]*\{[ \t\r\n]*"records"[ \t\r\n]*:[ \t\r\n]*(?=\[)')
_SPACE = re.compile(r"[ \t\r\n]*")
# Digits are kept as text, and what silver rejects in one record does not spoil the others.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, strict=False)
_NO_JSON = (ValueError, RecursionError)


class Records(NamedTuple):
    """The records that bronze keeps of the body of an event.

    `bodies` are the exact bytes of each record if the event `is_batch`, else the only body.
    `compression` is gzip if they were compressed.
    """

    bodies: list[bytes]
    is_batch: bool = False
    compression: str | None = None


class GzipError(ValueError):
    """A gzip body that is not read; the text gives the reason."""


def are_ordinary(bodies: Iterable[bytes]) -> bool:
    """Return True if each body is clearly a single record, so that none must be parsed."""
    return all(map(_ORDINARY.fullmatch, bodies))


def records(body: bytes) -> Records:
    """Return the records in a body.

    A body that is not a batch, or a batch with other values than objects, stays as it is. So does
    gzip that is damaged, holds more than MAX_INFLATED bytes or is not UTF-8.
    """
    content, compression = body, None
    try:
        if body.startswith(_GZIP):
            content, compression = _inflated(body), "gzip"
        text = content.removeprefix(_BOM).decode()
    except ValueError:
        return Records([body])
    batch = _batch(text)
    if batch is None:
        return Records([content], compression=compression)
    return Records([record.encode() for record in batch], True, compression)


def batch_fault(body: bytes) -> str | None:
    """Describe gzip or an object of records that is not read as a batch; None for other bodies."""
    if body.startswith(_GZIP):
        try:
            _inflated(body).decode()
        except GzipError as error:
            return str(error)
        except UnicodeDecodeError:
            return "gzip of bytes that are not UTF-8"
        return "gzip inside gzip"
    try:
        value = _DECODER.decode(body.decode())
    except _NO_JSON:
        return None
    listed = value.get("records") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(listed, list):
        return None
    return f"records: an array of {len(listed):,} value{'s' * (len(listed) != 1)}"


def _inflated(body: bytes) -> bytes:
    try:
        with gzip.open(BytesIO(body)) as stream:
            content = stream.read(MAX_INFLATED + 1)
    except (OSError, EOFError, zlib.error):
        raise GzipError("gzip that is damaged or breaks off") from None
    if len(content) > MAX_INFLATED:
        raise GzipError(f"gzip of more than {MAX_INFLATED // 2**20} MiB")
    return content


def _batch(text: str) -> list[str] | None:
    for find in (_of_array, _of_lines):
        with suppress(*_NO_JSON):
            if batch := find(text):
                return batch
    return None


def _of_array(text: str) -> list[str] | None:
    """Return the objects of an array, alone or as the only value `records` of an object."""
    wrapped = _RECORDS.match(text)
    begin = wrapped.end() if wrapped else _skip_blanks(text, 0)
    if not text.startswith("[", begin):
        return None
    objects, at = _objects(text, begin + 1)
    if wrapped:
        at = _after("}", text, at)
    if at != len(text):
        raise ValueError("text after the end")
    return objects


def _objects(text: str, at: int) -> tuple[list[str], int]:
    """Return the objects up to the end of an array, and the position after it."""
    objects: list[str] = []
    at = _skip_blanks(text, at)
    while True:
        end = _object_end(text, at)
        objects.append(text[at:end])
        at = _skip_blanks(text, end)
        if text.startswith("]", at):
            return objects, _after("]", text, at)
        at = _after(",", text, at)
        if len(objects) == MAX_RECORDS:
            raise ValueError("too many records")


def _of_lines(text: str) -> list[str] | None:
    """Return the objects of a text with one per line; None for an object on several lines."""
    lines = [line for each in text.split("\n") if (line := each.strip(_BLANKS))]
    if not 1 < len(lines) <= MAX_RECORDS:
        return None
    if any(_object_end(line, 0) != len(line) for line in lines):
        return None
    return lines


def _object_end(text: str, at: int) -> int:
    if not text.startswith("{", at):
        raise ValueError("no object")
    return _DECODER.raw_decode(text, at)[1]


def _after(sign: str, text: str, at: int) -> int:
    if not text.startswith(sign, at):
        raise ValueError(f"no {sign}")
    return _skip_blanks(text, at + 1)


def _skip_blanks(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
