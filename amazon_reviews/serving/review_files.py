"""Files of reviews that somebody hands over: JSON lines, gzipped or not."""

import gzip
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa

from amazon_reviews.errors import InputFileError
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.serving.numbers import number

_ROWS = 5_000
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_TEXTS = {"summary": "summary", "reviewText": "review_text"}

_SCHEMA = pa.schema(
    [("summary", pa.string()), ("review_text", pa.string()), ("overall", pa.float64())]
)


def read_reviews(path: Path) -> Iterator[Examples]:
    """The reviews of a file in the source's own form, a few thousand at a time.

    Raises:
        InputFileError: the file cannot be read, or a line is no review.
    """
    reviews = (_review(line, path, number) for number, line in _lines(path) if line.strip())
    while rows := list(islice(reviews, _ROWS)):
        yield Examples.from_arrow(pa.Table.from_pylist(rows, _SCHEMA))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, 1):
                yield number, line.removeprefix(_BOM) if number == 1 else line
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputFileError(f"{path} breaks off after line {number}") from None
    except OSError as error:
        raise InputFileError(f"{path} cannot be read: {error.strerror or error}") from None


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile:
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP
    return gzip.open(path, "rb") if is_gzip else path.open("rb")


def _review(line: bytes, path: Path, line_number: int) -> dict[str, Any]:
    place = f"{path}, line {line_number}"
    try:
        review = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputFileError(f"{place} is not JSON: {error.msg}") from None
    if not isinstance(review, dict):
        raise InputFileError(f"{place} is not a JSON object")
    for name in _TEXTS:
        if isinstance(review.get(name), list | dict):
            raise InputFileError(f"{place}: {name} is not a text")
    overall = _text(review.get("overall")) or ""
    stars = number(overall)
    if overall.strip() and stars is None:
        raise InputFileError(f"{place}: overall is not a number")
    texts = {ours: _text(review.get(name)) for name, ours in _TEXTS.items()}
    return {"overall": stars, **texts}


def _text(value: Any) -> str | None:
    """A value as text: like the pipeline, files may have numbers for texts and the reverse."""
    return value if isinstance(value, str | None) else orjson.dumps(value).decode()
