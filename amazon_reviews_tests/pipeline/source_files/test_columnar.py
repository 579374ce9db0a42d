"""Parquet and Avro files as JSON objects."""

import datetime
import io
import json
import zlib
from decimal import Decimal
from uuid import UUID

import fastavro
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files import avro
from amazon_reviews.pipeline.source_files.source import open_source
from amazon_reviews_tests.pipeline.source_files.reading import (
    landing_file,
    open_bytes,
    read,
    records_of,
)

_UTC = datetime.datetime(2023, 1, 2, 3, 4, 5, 678000, datetime.UTC)
_TIME = _UTC.replace(tzinfo=None)


def parquet(table, **options):
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def value_of(array):
    """Return the JSON text of the only value of a Parquet column."""
    ((number, text),) = read(parquet(pa.table({"v": array})), "a.parquet")
    assert number == 1
    return text.removeprefix(b'{"v":').removesuffix(b"}").decode()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([2**63 - 1]), "9223372036854775807"),
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([0.1], pa.float32()), "0.1"),
        (pa.array([0.1]), "0.1"),
        (pa.array([float("nan")]), '"NaN"'),
        (pa.array([float("-inf")], pa.float32()), '"-Infinity"'),
        (pa.array([None], pa.string()), "null"),
        (pa.array([True]), "true"),
        (pa.array([Decimal("12.50")]), "12.50"),
        (pa.array([Decimal(10) ** 30], pa.decimal128(38, 2)), "1" + "0" * 30 + ".00"),
        (pa.array([_TIME]), '"2023-01-02T03:04:05.678000"'),
        (pa.array([_UTC], pa.timestamp("ms", "Europe/Berlin")), '"2023-01-02T03:04:05.678000Z"'),
        (pa.array([_UTC], pa.timestamp("ns", "UTC")), '"2023-01-02T03:04:05.678000Z"'),
        (pa.array([_TIME.date()]), '"2023-01-02"'),
        (pa.array([_TIME.time()]), '"03:04:05.678000"'),
        (pa.array([b"\xff\x00"]), '"/wA="'),
        (pa.array(["é"], pa.large_string()), '"é"'),
        (pa.array(["a"]).dictionary_encode(), '"a"'),
        (pa.array([["a", None]]), '["a",null]'),
        (pa.array([{"b": {"a": [1]}, "c": _UTC}]),
         '{"b":{"a":[1]},"c":"2023-01-02T03:04:05.678000Z"}'),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), '{"k":1}'),
        (pa.array([[("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64())), '[["k",1],["k",2]]'),
    ],
    ids=range(22),
)  # fmt: skip
def test_parquet_value_becomes_json(array, expected):
    assert value_of(array) == expected


def test_parquet_rows_are_numbered_over_row_groups_and_batches():
    table = pa.table({"b": [f"x{n}" for n in range(10_000)], "a": range(10_000)})

    source = open_bytes(parquet(table, row_group_size=3_000), "a.json")

    assert source.format.container == "parquet"
    assert source.sample[0] == {"b": "x0", "a": 0}
    assert len(source.sample) == 1000
    expected = [(n + 1, f'{{"b":"x{n}","a":{n}}}'.encode()) for n in range(10_000)]
    assert records_of(source) == expected


class OneWay(io.RawIOBase):
    """A stream that cannot seek, as one from an object store."""

    def __init__(self, content):
        self._inner = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._inner.readinto(buffer)


def test_parquet_file_of_an_object_store_or_compressed_is_copied_to_disk(tmp_path, monkeypatch):
    import gzip
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = parquet(pa.table({"a": [1, 2]}))

    remote = open_source(OneWay(content), landing_file("a.parquet"))

    assert records_of(remote) == [(1, b'{"a":1}'), (2, b'{"a":2}')]
    assert read(gzip.compress(content), "a.parquet.gz") == [(1, b'{"a":1}'), (2, b'{"a":2}')]
    assert [*tmp_path.iterdir()] == []


def test_damaged_parquet_file_is_refused_by_name():
    content = parquet(pa.table({"a": ["x" * 99] * 1000}))

    for damaged in (content[:-5], content[:100], content[:4] + bytes(60) + content[64:]):
        with pytest.raises(LandingError, match=r"a\.parquet cannot be read to its end as Parquet"):
            read(damaged, "a.parquet")


@pytest.mark.parametrize(("content", "fault"), [(b"a,b\n1,2\n", "is not P"), (b"", "is empty")])
def test_name_that_promises_parquet_is_refused(content, fault):
    with pytest.raises(LandingError, match=rf"a\.parquet {fault}"):
        open_bytes(content, "a.parquet")


def test_repeated_parquet_column_is_refused():
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])

    with pytest.raises(LandingError, match="names the column a twice"):
        read(parquet(table), "a.parquet")


def test_parquet_file_beyond_the_limit_is_refused():
    content = parquet(pa.table({"a": [f"{n}" for n in range(10_000)]}))

    with pytest.raises(LandingError, match="MAX_UNPACKED_GB"):
        read(content, "a.parquet", max_unpacked_bytes=20_000)


RECORD = {
    "type": "record",
    "name": "com.shop.Review",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "text", "type": ["null", "string"]},
        {"name": "body", "type": ["null", "bytes"]},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9,
                                   "scale": 2}},
        {"name": "uuid", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "stars", "type": {"type": "enum", "name": "Stars", "symbols": ["ONE", "TWO"]}},
        {"name": "more", "type": {"type": "map", "values": ["long", "double", "string"]}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
    ],
}  # fmt: skip
VALUES = {
    "id": 2**62,
    "text": None,
    "body": b"\xff",
    "at": _UTC,
    "day": _TIME.date(),
    "price": Decimal("12.50"),
    "uuid": UUID(int=1),
    "stars": "TWO",
    "more": {"x": float("nan"), "y": "z"},
    "tags": ["a"],
}
TEXT = (
    b'{"id":4611686018427387904,"text":null,"body":"/w==","at":"2023-01-02T03:04:05.678000Z",'
    b'"day":"2023-01-02","price":12.50,"uuid":"00000000-0000-0000-0000-000000000001",'
    b'"stars":"TWO","more":{"x":"NaN","y":"z"},"tags":["a"]}'
)


def avro_file(schema, records, codec="null", **options):
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(schema), records, codec, **options)
    return stream.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_avro_records_of_each_codec_become_json(codec):
    content = avro_file(RECORD, [VALUES] * 500, codec, sync_interval=2_000)

    source = open_bytes(content, "a.json")

    assert source.format.container == "avro"
    assert records_of(source) == [(number, TEXT) for number in range(1, 501)]


NUMBERS = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}


def avro_long(value):
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def container(schema, blocks, codec=b"null"):
    """Return an Avro file of (count, size, bytes) blocks as they are, however wrong."""
    text = json.dumps(schema).encode()
    pairs = [(b"avro.schema", text), (b"avro.codec", codec)]
    meta = b"".join(avro_long(len(part)) + part for pair in pairs for part in pair)
    sync = b"s" * 16
    body = b"".join(avro_long(n) + avro_long(size) + data + sync for n, size, data in blocks)
    return avro.MAGIC + avro_long(2) + meta + avro_long(0) + sync + body


def pack_snappy(block):
    return pa.compress(block, codec="snappy", asbytes=True) + zlib.crc32(block).to_bytes(4, "big")


def pack_zstd(block):
    return pa.compress(block, codec="zstd", asbytes=True)


@pytest.mark.parametrize(("codec", "pack"), [(b"snappy", pack_snappy), (b"zstandard", pack_zstd)])
def test_avro_blocks_of_other_codecs_become_json(codec, pack):
    block = pack(avro_long(7))

    content = container(NUMBERS, [(1, len(block), block)], codec)

    assert read(content, "a.avro") == [(1, b'{"a":7}')]


_NODE = {"type": "record", "name": "N", "fields": [{"name": "n", "type": ["null", "N"]}]}
_NOTHING = {"type": "record", "name": "R", "fields": [
    {"name": "a", "type": {"type": "array", "items": "null"}}]}  # fmt: skip
_DOUBLING = {"type": "record", "name": "R0", "fields": [{"name": "a", "type": "null"}]}
for level in range(1, 20):
    _DOUBLING = {"type": "record", "name": f"R{level}", "fields": [
        {"name": "a", "type": _DOUBLING}, {"name": "b", "type": f"R{level - 1}"}]}  # fmt: skip
_DEEP = "long"
for _ in range(200):
    _DEEP = {"type": "array", "items": _DEEP}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (container(NUMBERS, [(1, 2 << 30, b"\2")]), "block of 2147483648 bytes is too large"),
        (container(NUMBERS, [(1, -5, b"\2")]), "block of -5 bytes"),
        (container(NUMBERS, [(1 << 40, 1, b"\2")]), "cannot hold 1099511627776 records"),
        (container(NUMBERS, [(1, 2, b"\2\2")]), "bytes after its last record"),
        (container(NUMBERS, [(2, 2, b"\2\xff")]), "as Avro, after record 0"),
        (container(NUMBERS, [(1, 1, b"\2")], b"lzo"), "the codec 'lzo' is not supported"),
        (container(NUMBERS, [(1, len(b := zlib.compress(bytes(40 << 20))[2:-4]), b)], b"deflate"),
         "unpacked to more than 32 MiB"),
        (container(NUMBERS, [(1, 9, b"\xff\xff\xff\xff\x7f1234")], b"snappy"), "more than 32 MiB"),
        (container(_NODE, [(1, 9, b"\2" * 8 + b"\0")]), "refers to itself in N"),
        (container(_NOTHING, [(1, 9, avro_long(1 << 50) + b"\0")]), "values without bytes"),
        (container(_DOUBLING, [(1, 1, b"\0")]), "more than 100000 values"),
        (container(_DEEP, []), "nested more than 50 levels"),
        (container({"type": "record", "name": "R"}, []), "as Avro"),
        (container([], []), "as Avro"),
        (avro.MAGIC + avro_long(1) + avro_long(1 << 40), "header is too large"),
        (avro.MAGIC + b"\xff" * 20, "more than 64 bits"),
        (avro.MAGIC, "breaks off"),
    ],
    ids=range(17),
)  # fmt: skip
def test_hostile_avro_file_is_refused_by_name(content, fault):
    with pytest.raises(LandingError, match=rf"a\.avro cannot be read to its end.*{fault}"):
        read(content, "a.avro")


def test_avro_file_cut_short_is_refused_whole():
    content = avro_file(NUMBERS, [{"a": n} for n in range(1000)], sync_interval=100)

    for cut in (len(content) - 1, len(content) - 17, len(content) // 2, 30):
        with pytest.raises(LandingError, match=r"a\.avro cannot be read to its end as Avro"):
            read(content[:cut], "a.avro")


def test_avro_file_without_records_is_empty():
    source = open_bytes(avro_file(NUMBERS, []), "a.avro")

    assert (source.sample, records_of(source)) == ([], [])
    assert orjson.loads(read(avro_file(NUMBERS, [{"a": 1}]), "a.avro")[0][1]) == {"a": 1}
