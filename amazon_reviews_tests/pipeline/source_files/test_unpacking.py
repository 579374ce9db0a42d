"""Compressed files: found by their content, read to their end, and bounded."""

import bz2
import gzip
import io
import random
from functools import partial

import pyarrow as pa
import pytest

from amazon_reviews.config import load
from amazon_reviews.errors import LandingError, SettingsError
from amazon_reviews.pipeline.source_files.source import open_source
from amazon_reviews_tests.pipeline.source_files.reading import landing_file, open_bytes, read

PLAIN = b'{"a": 1}\n{"a": 2}\n'
PACKED = {
    "gzip": (".gz", gzip.compress),
    "zstd": (".zst", partial(pa.compress, codec="zstd", asbytes=True)),
    "bzip2": (".bz2", bz2.compress),
}
RECORDS = [(1, b'{"a": 1}'), (2, b'{"a": 2}')]


@pytest.fixture(params=PACKED)
def kind(request):
    return request.param


def pack(kind, content=PLAIN):
    return PACKED[kind][1](content)


def name_of(kind):
    return "a.json" + PACKED[kind][0]


def test_compressed_file_is_read(kind):
    source = open_bytes(pack(kind), name_of(kind))

    assert source.format.compression == kind
    assert [*source.records()] == [RECORDS]


def test_several_members_are_read_to_the_end(kind):
    content = pack(kind, PLAIN[:12]) + pack(kind, b"") + pack(kind, PLAIN[12:])

    assert read(content, name_of(kind)) == RECORDS


def test_skippable_frame_before_zstd_is_skipped():
    frame = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"

    assert read(frame + pack("zstd"), "a.json.zst") == RECORDS


@pytest.mark.parametrize("damage", ["cut", "cut member", "followed by text", "damaged"])
def test_damaged_file_is_refused_by_name(kind, damage):
    packed = pack(kind, random.Random(1).randbytes(4000).hex().encode() + b"\n")
    content = {
        "cut": packed[:-3],
        "cut member": packed + packed[:-3],
        "followed by text": packed + PLAIN,
        "damaged": packed[:1000] + bytes(200) + packed[1200:],
    }[damage]

    with pytest.raises(LandingError, match=r"partition_1/a\.json\.\w+ cannot be read to its end"):
        read(content, name_of(kind))


def test_name_that_promises_a_compression_is_refused(kind):
    with pytest.raises(LandingError, match=f"is not {kind}, although its name ends in"):
        open_bytes(PLAIN, name_of(kind))
    with pytest.raises(LandingError, match=f"is empty, and so not a {kind} file"):
        open_bytes(b"", name_of(kind))


def test_name_that_does_not_fit_the_compression_is_refused(kind):
    with pytest.raises(LandingError, match=rf"a\.json is {kind}; give it a name that ends in"):
        open_bytes(pack(kind), "a.json")
    for other in PACKED.keys() - {kind}:
        with pytest.raises(LandingError, match=f"is not {other}, although its name ends in"):
            open_bytes(pack(kind), name_of(other))


def test_text_that_begins_like_bzip2_is_text():
    assert read(b"BZh91,b\n1,2\n", "a.csv") == [(2, b"1,2")]


def test_file_that_unpacks_beyond_the_limit_is_refused(kind):
    content = pack(kind, PLAIN * 1000)

    assert len(read(content, name_of(kind), max_unpacked_bytes=18_000)) == 2000
    with pytest.raises(LandingError, match=r"is unpacked to more than .*MAX_UNPACKED_GB"):
        read(content, name_of(kind), max_unpacked_bytes=17_999)


def test_limit_leaves_plain_files_alone():
    assert len(read(PLAIN * 1000, "a.json", max_unpacked_bytes=10)) == 2000


def test_setting_of_the_limit_is_validated():
    assert load({}).max_unpacked_gb == 200
    with pytest.raises(SettingsError, match="MAX_UNPACKED_GB"):
        load({"AMAZON_REVIEWS_MAX_UNPACKED_GB": "much"})


class SmallReads(io.RawIOBase):
    """A stream that gives few bytes at a time, and cannot seek, as a network connection does."""

    def __init__(self, content):
        self._inner = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        block = self._inner.read(min(len(buffer), 5))
        buffer[: len(block)] = block
        return len(block)


def test_stream_of_small_reads_is_read_whole(kind):
    source = open_source(SmallReads(pack(kind)), landing_file(name_of(kind)))

    assert [*source.records()] == [RECORDS]


@pytest.mark.long
def test_bomb_of_one_line_is_refused_by_the_limit_of_lines():
    content = pa.compress(bytes(1 << 28), codec="zstd", asbytes=True) * 40

    with pytest.raises(LandingError, match="line 1 is longer than 64 MiB"):
        read(content, "a.json.zst")
