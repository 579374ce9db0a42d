"""Details of rejected lines that cannot be parsed, as texts for people.

Python writes them and not the engine, so that they are the same on every engine.
"""

import base64
import json
import re
from json import JSONDecodeError
from typing import Any

from amazon_reviews.shown_text import visible_text
from amazon_reviews.transforms.lines import MAX_LINE_BYTES

_FORMATS = {
    b"\x1f\x8b": "gzip data; decompress an event, give a file a name that ends in .gz",
    b"\x28\xb5\x2f\xfd": "Zstandard data; decompress it",
    b"\x78\x9c": "zlib data; decompress it",
    b"PK\x03\x04": "a ZIP archive; unpack it",
    b"Obj\x01": "an Avro file; convert it to JSON lines",
    b"PAR1": "a Parquet file; convert it to JSON lines",
    b"\xff\xfe": "UTF-16 text; write it as UTF-8",
    b"\xfe\xff": "UTF-16 text; write it as UTF-8",
}
_BLANK = " \t\r\n"
_BETWEEN = re.compile(rf"[{_BLANK}]*,?[{_BLANK}]*")
_PYTHON = re.compile(r"u?'|(?:None|True|False)\b")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EXCERPT = 40


def line_fault(reason: str, raw: str, encoding: str) -> str:
    """Return the detail of a line whose `reason` is that it is unreadable or not an object."""
    data = base64.b64decode(raw) if encoding == "base64" else raw.encode()
    if reason == "not_utf8":
        return _fault_of_bytes(data)
    if reason == "too_large":
        return f"more than {MAX_LINE_BYTES:,} bytes; its first characters are kept"
    return _fault_of_text(raw)


def _fault_of_bytes(data: bytes) -> str:
    for magic, name in _FORMATS.items():
        if data.startswith(magic):
            return name
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of {len(data)} is 0x{data[error.start]:02X}; write UTF-8"
    return f"{len(data)} bytes"


def _fault_of_text(raw: str) -> str:
    text = raw.strip(_BLANK)
    if "\0" in text[:4]:
        return "zero bytes between the characters; write UTF-16 text as UTF-8"
    if text.startswith("\ufeff"):
        return "a byte order mark before the value; leave it out"
    values: list[Any] = []
    position = 0
    try:
        while position < len(text):
            value, end = _DECODER.raw_decode(text, position)
            values.append(value)
            position = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]
    except RecursionError:
        return "nested too deeply"
    except JSONDecodeError as error:
        return _fault_of_syntax(text, values, error)
    except ValueError as error:
        return str(error)
    return _fault_of_values(text, values)


def _fault_of_values(text: str, values: list[Any]) -> str:
    if not values:
        return "empty"
    if len(values) > 1:
        return f"{'two' if len(values) == 2 else len(values)} values on one line"
    if text.endswith(","):
        return f"a comma after {_shape(values[0])}"
    if _SURROGATE.search(json.dumps(values, ensure_ascii=False)):
        return "half of a surrogate pair (\\ud800 to \\udfff), which is not a character"
    return _shape(values[0])


def _fault_of_syntax(text: str, values: list[Any], error: JSONDecodeError) -> str:
    excerpt = (
        f"at character {error.pos + 1}: {visible_text(text[error.pos : error.pos + _EXCERPT])}"
    )
    if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
        return f"cut off after {len(text)} characters"
    if _PYTHON.match(text, error.pos):
        return f"Python's notation, not JSON, {excerpt}"
    if values:
        return f"text after {_shape(values[-1])}, {excerpt}"
    return f"{error.msg[0].lower()}{error.msg[1:]}, {excerpt}"


def _shape(value: Any) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return f"an array of {len(value)} value{'s' * (len(value) != 1)}"
        case _Number():
            return f"the number {value[:_EXCERPT]}"
        case str():
            return "a text"
        case _:
            return json.dumps(value)


class _Number(str):
    """The text of a number of any size, as it is written."""


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_reject_constant)
