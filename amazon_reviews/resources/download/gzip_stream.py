"""JSON lines that arrive in chunks, compressed with gzip or as plain text."""

from pathlib import Path
from typing import Any, cast

from isal import isal_zlib

# The type hints of isal declare its error as an instance.
DAMAGED = cast("type[Exception]", isal_zlib.error)
"""The error of a file whose compression or checksum is wrong."""

_GZIP_FORMAT = 31
_CHUNK_BYTES = 1 << 20


class Inflater:
    """Decompresses a gzip file of one or several members in chunks; plain text is unchanged."""

    def __init__(self) -> None:
        self._plain: bool | None = None
        self._member: Any = None

    def feed(self, chunk: bytes) -> bytes:
        """Return the text of the next bytes; raises DAMAGED if they are no gzip."""
        if self._plain is None:
            self._plain = not chunk.startswith(b"\x1f")
        if self._plain:
            return chunk
        parts = []
        while chunk:
            if self._member is None or self._member.eof:
                self._member = isal_zlib.decompressobj(_GZIP_FORMAT)
            parts.append(self._member.decompress(chunk))
            chunk = self._member.unused_data
        return b"".join(parts)

    @property
    def complete(self) -> bool:
        """True at the end of a member, and anywhere in plain text."""
        return self._plain is not False or self._member.eof


class LineCount:
    """Counts the lines in the chunks of a file, until there are `enough`; None counts nothing."""

    def __init__(self, enough: int | None) -> None:
        self.count = 0
        self._enough = enough
        self._inflater = Inflater()

    def add(self, chunk: bytes) -> None:
        """Count the lines of the next bytes."""
        if self._enough is not None:
            self.count += self._inflater.feed(chunk).count(b"\n")

    def read(self, path: Path) -> None:
        """Count the lines of a file that the next bytes continue."""
        if self._enough is not None:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    self.add(chunk)

    @property
    def suffice(self) -> bool:
        """True if there are enough lines."""
        return self._enough is not None and self.count >= self._enough
