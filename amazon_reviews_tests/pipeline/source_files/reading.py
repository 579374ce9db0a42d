"""Reads files of a given content."""

import io
from typing import Any

from amazon_reviews.pipeline.source_files.formats import Reading
from amazon_reviews.pipeline.source_files.source import SourceFile, open_source
from amazon_reviews.resources.landing.layout import LandingFile

FOLDER = "zone/partition_1"


def landing_file(name: str, size: int = 1) -> LandingFile:
    return LandingFile(f"{FOLDER}/{name}", name, size, "1")


def open_bytes(content: bytes, name: str = "file.csv", **options: Any) -> SourceFile:
    """Open a file; options of `Reading`, and `max_unpacked_bytes`."""
    most = {key: options.pop(key) for key in ("max_unpacked_bytes",) if key in options}
    return open_source(io.BytesIO(content), landing_file(name), Reading(**options), **most)


def records_of(source: SourceFile, **options: Any) -> list[tuple[int, bytes]]:
    return [record for block in source.records(**options) for record in block]


def read(content: bytes, name: str = "file.csv", **options: Any) -> list[tuple[int, bytes]]:
    """Return the numbered records of a file."""
    return records_of(open_bytes(content, name, **options))
