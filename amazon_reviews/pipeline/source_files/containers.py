"""The container of a file, found from its first bytes; its name only decides where they do not."""

from collections.abc import Sequence
from itertools import islice
from typing import Literal

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files import avro
from amazon_reviews.pipeline.source_files.formats import Numbered
from amazon_reviews.pipeline.source_files.header import sniffed_fit
from amazon_reviews.pipeline.source_files.json_documents import is_json, is_series
from amazon_reviews.pipeline.source_files.paragraphs import KEY_LINE
from amazon_reviews.pipeline.source_files.python_literals import literal_json

_BINARY = {b"PAR1": "parquet", avro.MAGIC: "avro"}
_FOREIGN = {
    b"PAR1"[:3] + b"E": "an encrypted Parquet file",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"SQLite format 3\x00": "an SQLite database",
    b"%PDF-": "a PDF document",
    b"7z\xbc\xaf": "a 7z archive",
}
_NAMED_LINES = (".json", ".jsonl", ".ndjson")
_EXAMINED_LINES = 100
_CLEAR_FIT = 0.9

Text = Literal["lines", "array", "objects", "python", "paragraphs", "delimited"]


def binary_container(head: bytes, path: str) -> Literal["parquet", "avro"] | None:
    """Return the container of a binary file, None for text.

    Raises:
        LandingError: the file is of a known kind that is not read, or its name is wrong.
    """
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise LandingError(f"{path} is {kind}; upload its content as CSV, JSON or Parquet")
    for container in ("parquet", "avro"):
        if any(head.startswith(magic) for magic, of in _BINARY.items() if of == container):
            return container
    for container in ("parquet", "avro"):
        if path.endswith(f".{container}"):
            fault = f"not {container.capitalize()}, although its name ends in .{container}"
            raise LandingError(f"{path} is {fault if head else 'empty'}; upload it again")
    return None


def text_container(head: bytes, lines: Sequence[Numbered], path: str) -> Text:
    """Return what a text of this beginning consists of; `lines` are those of `head`.

    Text with the name of a JSON file is one value per line, if nothing else is certain.
    """
    first = head.lstrip()[:1]
    filled = [line for _, line in islice((n for n in lines if n[1].strip()), _EXAMINED_LINES)]
    objects = [line for line in filled if line.lstrip().startswith(b"{")]
    if first == b"[":
        # A file of lines may have anything in its first one.
        alone = 2 * sum(map(is_json, objects)) > len(filled)
        return "lines" if alone or (len(filled) > 1 and is_json(filled[0])) else "array"
    if first == b"{" and is_series(head):
        return "objects"
    if first == b"{" or 2 * len(objects) > len(filled):
        return "python" if _are_literals(objects) else "lines"
    keys = [KEY_LINE.match(line) is not None for line in filled]
    if any(keys[:1]) or 2 * sum(keys) > len(keys):
        return "paragraphs"
    named = _has_extension(path, _NAMED_LINES)
    if named and sniffed_fit(lines, path) < _CLEAR_FIT:
        return "lines"
    return "lines" if named and not filled else "delimited"


def _are_literals(lines: Sequence[bytes]) -> bool:
    """Return True if most lines are Python literals and not JSON; some may be both."""
    python = sum(not is_json(line) and literal_json(line) is not None for line in lines)
    return 2 * python > len(lines)


def _has_extension(path: str, extensions: Sequence[str]) -> bool:
    name = path.rpartition("/")[2].lower()
    for packed in (".gz", ".zst", ".bz2"):
        name = name.removesuffix(packed)
    return name.endswith(tuple(extensions))
