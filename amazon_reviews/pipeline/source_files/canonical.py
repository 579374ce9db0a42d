"""Records of other containers as one JSON text each.

Values keep their order and their exact content: a whole number has all its digits, a decimal all
its places, and a timestamp is a text in ISO 8601, in UTC if it has a time zone. Bytes are base64.
Numbers that JSON lacks are the texts NaN, Infinity and -Infinity.
"""

import base64
import datetime
import json
import math
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


def canonical_json(record: Any) -> bytes:
    """Return a record as compact JSON in UTF-8.

    Raises:
        TypeError: it has a value that cannot be written, such as a set or a complex number.
    """
    try:
        text = orjson.dumps(record, _plain, _OPTIONS)
    except TypeError:
        return orjson.dumps(_rare(record), _plain, _OPTIONS)
    # NaN was written as null, like a missing value.
    return orjson.dumps(_rare(record), _plain, _OPTIONS) if b"null" in text else text


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return orjson.Fragment(format(value, "f")) if value.is_finite() else str(value)
        case datetime.datetime():
            return _iso(value)
        case datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            return value.total_seconds()
        case bytes() | bytearray():
            return base64.b64encode(value).decode("ascii")
        case UUID():
            return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _iso(value: datetime.datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


def _rare(value: Any) -> Any:
    """Return a value without what the JSON library does not write, or not exactly."""
    match value:
        case dict():
            return {_key(key): _rare(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_rare(inner) for inner in value]
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case int() if value.bit_length() > 63:
            return orjson.Fragment(str(value))
        case str() if not value.isascii():
            return orjson.Fragment(_escaped(value))
    return value


def _key(key: Any) -> Any:
    if isinstance(key, str) and not key.isascii():
        return key.encode("utf-8", "backslashreplace").decode()
    return key


def _escaped(text: str) -> bytes:
    try:
        return orjson.dumps(text)
    except TypeError:
        # Half a character of UTF-16, which UTF-8 lacks.
        return json.dumps(text).encode()
