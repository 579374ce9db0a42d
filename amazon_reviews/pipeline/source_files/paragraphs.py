"""Paragraphs of `key: value` lines with an empty line between, as JSON objects."""

import re

import orjson

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.charsets import as_utf8
from amazon_reviews.pipeline.source_files.formats import LONGEST_LINE_BYTES, Blocks, Numbered

KEY_LINE = re.compile(rb"([A-Za-z][\w.-]*/[A-Za-z][\w.-]*):[ \t]?(.*)", re.DOTALL)
"""A line such as `review/userId: A1`."""


def paragraph_records(blocks: Blocks, charset: str, path: str) -> Blocks:
    """Yield each paragraph of numbered lines as a JSON object; its number is its first line's.

    A line without a key continues the value above it. The first key begins a new record where the
    empty line is missing. Another key that is repeated has a list of its values. A paragraph that
    has no key, or is not text in its charset, is unchanged.

    Raises:
        LandingError: a paragraph has no end.
    """
    paragraph: list[Numbered] = []
    size = 0
    first_key = None
    for block in blocks:
        records = []
        for number, line in block:
            line = line.removesuffix(b"\r")
            key = _key(line)
            if paragraph and (not line.strip() or (key and key == first_key)):
                records.append(_record(paragraph, charset))
                paragraph, size = [], 0
            if not line.strip():
                continue
            if not paragraph:
                first_key = key
            paragraph.append((number, line))
            size += len(line)
            if size > LONGEST_LINE_BYTES:
                raise LandingError(
                    f"{path}: the paragraph at line {paragraph[0][0]} is longer than "
                    f"{LONGEST_LINE_BYTES >> 20} MiB"
                )
        yield records
    if paragraph:
        yield [_record(paragraph, charset)]


def _key(line: bytes) -> bytes | None:
    match = KEY_LINE.match(line)
    return match and match[1]


def _record(paragraph: list[Numbered], charset: str) -> Numbered:
    written = b"\n".join(line for _, line in paragraph)
    try:
        text = as_utf8(written, charset).decode()
    except UnicodeDecodeError:
        return paragraph[0][0], written
    pairs: list[tuple[str, str]] = []
    for line in text.split("\n"):
        match = KEY_LINE.match(line.encode())
        if match:
            pairs.append((match[1].decode(), match[2].decode()))
        elif not pairs:
            return paragraph[0][0], text.encode()
        else:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}\n{line}")
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    record = {key: texts[0] if len(texts) == 1 else texts for key, texts in values.items()}
    return paragraph[0][0], orjson.dumps(record)
