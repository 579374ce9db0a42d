"""The unpacked bytes of a landing file: gzip, zstd, bzip2 or none, as its content shows."""

import bz2
import io
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import pyarrow as pa
from isal import igzip
from isal.igzip_lib import IsalError

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.formats import BLOCK_BYTES
from amazon_reviews.resources.landing.layout import LandingFile

HEAD_BYTES = 1024 * 1024
"""The bytes that are examined before a file is read."""

_SUFFIXES = {"gzip": ".gz", "zstd": ".zst", "bzip2": ".bz2"}
_MAGIC_BYTES = 10
_PACKED_BYTES = 256 * 1024
# A skippable frame may come first in a zstd file; pzstd writes one.
_ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + low]) + b"\x2a\x4d\x18" for low in range(16)))
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
# The type hints of isal declare its error as an instance.
_DAMAGED = cast(
    "tuple[type[Exception], ...]", (EOFError, OSError, zlib.error, IsalError, pa.ArrowException)
)


class UnpackedFile(io.BufferedReader):
    """The unpacked bytes of a file, of which `head` can be seen before they are read.

    Reading raises a LandingError if the file cannot be read to its end, or is unpacked to more
    than `max_bytes`.

    Attributes:
        compression: gzip, zstd, bzip2 or "".
        head: the first bytes, at most `HEAD_BYTES`.
        stored: the stream that was given, if its bytes are those of the file.
    """

    def __init__(self, stream: BinaryIO, file: LandingFile, max_bytes: int) -> None:
        raw = _UnpackedBytes(stream, file, max_bytes)
        super().__init__(raw, HEAD_BYTES)
        self.compression = raw.compression
        self.head = self.peek(HEAD_BYTES)
        self.stored = None if raw.compression else stream
        self._bytes = raw

    def blocks(self) -> Iterator[bytes]:
        """Yield all bytes that were not read yet, without another copy of them."""
        yield self.read(len(self.peek(1)))
        while block := self._bytes.read_block():
            yield block


class _UnpackedBytes(io.RawIOBase):
    def __init__(self, stream: BinaryIO, file: LandingFile, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._count = 0
        self._source: Any = _Replayed(stream)
        self.compression = self._compression()
        if self.compression == "gzip":
            self._source = igzip.open(self._source, "rb")
        elif self.compression == "zstd":
            packed = pa.PythonFile(self._source, mode="r")
            self._source = pa.CompressedInputStream(packed, "zstd")
        elif self.compression == "bzip2":
            self._source = _Bzip2(self._source)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, or what the file still has: a head is then always of the same size."""
        target = memoryview(buffer)
        filled = 0
        while filled < len(target) and (block := self._read(len(target) - filled)):
            target[filled : filled + len(block)] = block
            filled += len(block)
        return filled

    def read_block(self) -> bytes:
        return self._read(BLOCK_BYTES)

    def _read(self, size: int) -> bytes:
        try:
            block: bytes = self._source.read(size)
        except _DAMAGED as error:
            raise _unreadable(self._file, error) from error
        self._count += len(block)
        if self.compression and self._count > self._max_bytes:
            raise LandingError(
                f"{self._file.path} is unpacked to more than {self._max_bytes / 10**9:g} GB; if "
                "that is right, set AMAZON_REVIEWS_MAX_UNPACKED_GB to more"
            )
        return block

    def _compression(self) -> str:
        path = self._file.path
        try:
            found = _detect(self._source.peek(_MAGIC_BYTES))
        except _DAMAGED as error:
            raise _unreadable(self._file, error) from error
        named = next((kind for kind, end in _SUFFIXES.items() if path.endswith(end)), "")
        if named and not found and not self._source.peek(1):
            raise LandingError(f"{path} is empty, and so not a {named} file; upload it again")
        if named and named != found:
            end = _SUFFIXES[named]
            raise LandingError(
                f"{path} is not {named}, although its name ends in {end}; upload it compressed, or "
                f"under a name without {end}"
            )
        if found and not named:
            raise LandingError(f"{path} is {found}; give it a name that ends in {_SUFFIXES[found]}")
        return found


class _Replayed(io.RawIOBase):
    """A stream whose first bytes can be seen before they are read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._seen = b""

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        while len(self._seen) < size and (more := self._stream.read(size - len(self._seen))):
            self._seen += more
        return self._seen

    def read(self, size: int = -1) -> bytes:
        block = self._seen[:size] or self._stream.read(size)
        self._seen = self._seen[len(block) :]
        return block

    def readinto(self, buffer: Any) -> int:
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


class _Bzip2:
    """The unpacked bytes of bzip2 streams; Python's own reader ignores what follows them."""

    def __init__(self, packed: io.RawIOBase) -> None:
        self._packed = packed
        self._stream = bz2.BZ2Decompressor()

    def read(self, size: int) -> bytes:
        while True:
            packed = b""
            if self._stream.eof:
                packed = self._stream.unused_data or self._packed.read(_PACKED_BYTES) or b""
                if not packed:
                    return b""
                self._stream = bz2.BZ2Decompressor()
            elif self._stream.needs_input:
                packed = self._packed.read(_PACKED_BYTES) or b""
                if not packed:
                    raise EOFError("it ends before its end marker")
            if block := self._stream.decompress(packed, size):
                return block


def _detect(magic: bytes) -> str:
    if magic.startswith(b"\x1f\x8b"):
        return "gzip"
    if magic.startswith(_ZSTD):
        return "zstd"
    return "bzip2" if magic[:3] == b"BZh" and magic[4:] in _BZIP2_BLOCKS else ""


def _unreadable(file: LandingFile, error: Exception) -> LandingError:
    return LandingError(f"{file.path} cannot be read to its end ({error}); upload it again")
