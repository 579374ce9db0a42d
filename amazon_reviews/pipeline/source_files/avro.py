"""Records of an Avro object container file as JSON objects.

The blocks of the file are unpacked here and only their records by the library: it would unpack a
block of any size, and a schema that refers to itself can end the process.
"""

import bz2
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import fastavro
import pyarrow as pa

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.canonical import canonical_json
from amazon_reviews.pipeline.source_files.formats import BLOCK_ROWS, Blocks, Numbered
from amazon_reviews.pipeline.source_files.unpacking import UnpackedFile

MAGIC = b"Obj\x01"
_LONGEST_BLOCK_BYTES = 32 * 1024 * 1024
_LONGEST_HEADER_BYTES = 4 * 1024 * 1024
_SYNC_BYTES = 16
_DEEPEST_SCHEMA = 50
_MOST_VALUES = 100_000
_DATA_ERRORS = (ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError,
                ArithmeticError, AttributeError, zlib.error, lzma.LZMAError, OSError,
                pa.ArrowException, fastavro.schema.SchemaParseException)  # fmt: skip


def avro_records(source: UnpackedFile, path: str) -> Blocks:
    """Yield the records of an Avro file, numbered from 1.

    Raises:
        LandingError: the file is damaged or cut off, or its codec or schema is not supported.
    """
    before = 0
    try:
        reader = _Blocks(source)
        for count, block in reader.blocks():
            yield from _numbered(reader.records(count, block), before)
            before += count
    except _DATA_ERRORS as error:
        raise LandingError(
            f"{path} cannot be read to its end as Avro, after record {before} ({error}); upload it "
            "again"
        ) from error


def _numbered(texts: Iterator[bytes], before: int) -> Blocks:
    block: list[Numbered] = []
    for number, text in enumerate(texts, before + 1):
        block.append((number, text))
        if len(block) == BLOCK_ROWS:
            yield block
            block = []
    yield block


class _Blocks:
    """The blocks of a file; `ValueError` for what the file must not hold."""

    def __init__(self, source: UnpackedFile) -> None:
        self._source = source
        self._exactly(len(MAGIC))
        metadata = self._metadata()
        self._unpack = _codec(metadata.get("avro.codec", b"null").decode())
        written = json.loads(metadata["avro.schema"])
        _SchemaCheck().measure(written)
        self._schema = fastavro.parse_schema(written)
        self._sync = self._exactly(_SYNC_BYTES)

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        while self._source.peek(1):
            count, size = self._long(), self._long()
            if not 0 <= size <= _LONGEST_BLOCK_BYTES:
                raise ValueError(f"a block of {size} bytes is too large")
            block = self._unpack(self._exactly(size))
            if not 0 <= count <= len(block):
                raise ValueError(f"a block of {len(block)} bytes cannot hold {count} records")
            if self._exactly(_SYNC_BYTES) != self._sync:
                raise ValueError("a block does not end with the marker of the file")
            yield count, block

    def records(self, count: int, block: bytes) -> Iterator[bytes]:
        stream = io.BytesIO(block)
        for _ in range(count):
            yield canonical_json(fastavro.schemaless_reader(stream, self._schema, None))
        if stream.tell() != len(block):
            raise ValueError("a block has bytes after its last record")

    def _metadata(self) -> dict[str, bytes]:
        metadata = {}
        left = _LONGEST_HEADER_BYTES
        while count := self._long():
            if count < 0:
                count = -count
                self._long()
            for _ in range(count):
                key, value = self._text(left), self._text(left)
                left -= len(key) + len(value) + 2
                metadata[key.decode()] = value
        return metadata

    def _text(self, most: int) -> bytes:
        size = self._long()
        if not 0 <= size <= most:
            raise ValueError("its header is too large")
        return self._exactly(size)

    def _long(self) -> int:
        value = shift = 0
        while True:
            byte = self._exactly(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            if shift > 63:
                raise ValueError("a number has more than 64 bits")

    def _exactly(self, size: int) -> bytes:
        text = self._source.read(size)
        if len(text) < size:
            raise EOFError("the file breaks off")
        return text


class _SchemaCheck:
    """Refuses schemas whose records may be endless, or far larger than their bytes.

    Those are schemas that refer to themselves, and lists or many fields that take no bytes.
    """

    def __init__(self) -> None:
        self._named: dict[str, tuple[int, int] | None] = {}

    def measure(self, schema: Any, depth: int = 0) -> tuple[int, int]:
        """Return how many values a record has at least, and how many bytes they take."""
        if depth > _DEEPEST_SCHEMA:
            raise ValueError(f"its schema is nested more than {_DEEPEST_SCHEMA} levels deep")
        if isinstance(schema, str):
            return self._reference(schema)
        if isinstance(schema, list):
            return 1 + max(self.measure(branch, depth + 1)[0] for branch in schema), 1
        kind = schema["type"]
        if kind == "record":
            return self._record(schema, depth)
        if kind in ("array", "map"):
            values, size = self.measure(schema["items" if kind == "array" else "values"], depth + 1)
            if kind == "array" and not size:
                raise ValueError("its schema has a list of values without bytes")
            return 1 + values, 1
        if kind in ("fixed", "enum"):
            measured = 1, schema["size"] if kind == "fixed" else 1
            self._named[_short(schema["name"])] = measured
            return measured
        return self.measure(kind, depth + 1)

    def _record(self, schema: dict[str, Any], depth: int) -> tuple[int, int]:
        name = _short(schema["name"])
        self._named[name] = None
        fields = [self.measure(field["type"], depth + 1) for field in schema["fields"]]
        measured = 1 + sum(values for values, _ in fields), sum(size for _, size in fields)
        if measured[0] > _MOST_VALUES:
            raise ValueError(f"its schema has more than {_MOST_VALUES} values in a record")
        self._named[name] = measured
        return measured

    def _reference(self, name: str) -> tuple[int, int]:
        measured = self._named.get(_short(name), (1, int(name != "null")))
        if measured is None:
            raise ValueError(f"its schema refers to itself in {name}")
        return measured


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _codec(name: str) -> Callable[[bytes], bytes]:
    codecs: dict[str, Callable[[bytes], bytes]] = {
        "null": lambda block: block,
        "deflate": lambda block: _bounded(zlib.decompressobj(-15), block),
        "bzip2": lambda block: _bounded(bz2.BZ2Decompressor(), block),
        "xz": lambda block: _bounded(lzma.LZMADecompressor(), block),
        "zstandard": _zstandard,
        "snappy": _snappy,
    }
    if name not in codecs:
        raise ValueError(f"the codec {name[:40]!r} is not supported; use {', '.join(codecs)}")
    return codecs[name]


def _bounded(decompressor: Any, block: bytes) -> bytes:
    unpacked = decompressor.decompress(block, _LONGEST_BLOCK_BYTES + 1)
    _check_size(len(unpacked))
    if not decompressor.eof:
        raise EOFError("a block breaks off")
    return unpacked


def _zstandard(block: bytes) -> bytes:
    unpacked = pa.CompressedInputStream(pa.BufferReader(block), "zstd").read(
        _LONGEST_BLOCK_BYTES + 1
    )
    _check_size(len(unpacked))
    return unpacked


def _snappy(block: bytes) -> bytes:
    size = shift = 0
    for byte in block[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    _check_size(size)
    # The last four bytes are a checksum of the unpacked block.
    unpacked = pa.decompress(block[:-4], size, "snappy", asbytes=True)
    if zlib.crc32(unpacked) != int.from_bytes(block[-4:], "big"):
        raise ValueError("the checksum of a block is wrong")
    return unpacked


def _check_size(size: int) -> None:
    if size > _LONGEST_BLOCK_BYTES:
        raise ValueError(f"a block is unpacked to more than {_LONGEST_BLOCK_BYTES >> 20} MiB")
