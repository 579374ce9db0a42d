"""Records in files: an HTML page, a Markdown page or a Parquet file says what it was built from.

The record also holds a checksum of itself and of the page around it. In a Parquet file the pages
have checksums of their own.
"""

import hashlib
import html
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from amazon_reviews.resources.parquet_check import decoded_rows
from amazon_reviews.schemas.built import Built
from amazon_reviews.shown_text import html_text

_META = re.compile(rb'<meta name="amazon-reviews-built" content="([^"]*)">')
_COMMENT = re.compile(rb"<!-- amazon-reviews-built (.*) -->\s*\Z")
_KEY = b"amazon_reviews.built"
_CHECKSUM = "sha256"
_DOCTYPE = b"<!doctype html>"
_END_OF_PAGE = b"</html>"


def stamped_html(page: str, built: Built) -> str:
    """Return an HTML page with the record in its head, before the title."""
    record = html_text(_checked_record(built, page))
    meta = f'<meta name="amazon-reviews-built" content="{record}">'
    return page.replace("<title>", f"{meta}\n<title>", 1)


def stamped_markdown(text: str, built: Built) -> str:
    """Return a Markdown text with the record in a comment at its end."""
    # Two hyphens, which could end the comment, occur in strings of JSON only.
    record = _checked_record(built, text).replace("--", r"-\u002d")
    return f"{text}\n<!-- amazon-reviews-built {record} -->\n"


def stamped_schema(schema: pa.Schema, built: Built) -> pa.Schema:
    """Return the schema of a Parquet file with the record in its metadata."""
    return schema.with_metadata({**(schema.metadata or {}), _KEY: _checked_record(built)})


def read_built(path: Path) -> Built | None:
    """Return the record in an HTML page, a Markdown text or a Parquet file, whatever its name.

    It is None if the file is missing, damaged or cut off, or has no record.
    """
    try:
        with path.open("rb") as file:
            record = _reader(file.read(len(_DOCTYPE)))(file)
        return Built.from_json(record.decode()) if record else None
    except (OSError, ValueError, pa.ArrowException):
        return None


def damage_of(path: Path) -> str:
    """Return what is wrong with the bytes of a file with a record, "" if nothing is.

    A missing file is not damaged. Records of earlier releases have no checksum.
    """
    try:
        with path.open("rb") as file:
            reader = _reader(file.read(len(_DOCTYPE)))
            record = reader(file)
            built = Built.from_json(record.decode()) if record else None
            if record is None or built is None:
                return "it has no record that can be read"
            file.seek(0)
            if reader is _in_parquet:
                decoded_rows(file)
                same = record.decode() == _checked_record(built)
            else:
                content = file.read()
                page = _without_record(content).decode()
                stamped = stamped_html if reader is _in_html else stamped_markdown
                same = content == stamped(page, built).encode()
        same = same or record.decode() == built.to_json()
        return "" if same else "its bytes differ from those that were written"
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, pa.ArrowException) as error:
        return (str(error).strip() or type(error).__name__).splitlines()[0]


def _checked_record(built: Built, page: str = "") -> str:
    checksum = hashlib.sha256(f"{built.to_json()}\n{page}".encode()).hexdigest()
    return json.dumps({**json.loads(built.to_json()), _CHECKSUM: checksum}, sort_keys=True)


def _without_record(content: bytes) -> bytes:
    if match := _COMMENT.search(content):
        return content[: match.start()].removesuffix(b"\n")
    return re.sub(_META.pattern + b"\n", b"", content, count=1)


def _reader(start: bytes) -> Callable[[BinaryIO], bytes | None]:
    """Return the function that finds the record in a file with this start."""
    if start.startswith(b"PAR1"):
        return _in_parquet
    return _in_html if start.lower() == _DOCTYPE else _in_markdown


def _in_parquet(file: BinaryIO) -> bytes | None:
    return (pq.read_schema(file).metadata or {}).get(_KEY)


def _in_html(file: BinaryIO) -> bytes | None:
    file.seek(-2 * len(_END_OF_PAGE), os.SEEK_END)
    if not file.read().rstrip().endswith(_END_OF_PAGE):
        return None
    file.seek(0)
    # A page has megabytes, and its head comes first.
    for line in file:
        if found := _META.search(line):
            return html.unescape(found[1].decode()).encode()
        if b"<title>" in line:
            break
    return None


def _in_markdown(file: BinaryIO) -> bytes | None:
    file.seek(0)
    found = _COMMENT.search(file.read())
    return found[1] if found else None
