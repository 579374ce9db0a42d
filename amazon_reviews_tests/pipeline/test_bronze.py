"""Bronze: every line of a partition's files, or no change."""

import base64
import gzip
import os
from pathlib import Path

import pytest

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import rows, upload, upload_bytes

NAME = "partition_1"
PLAIN = b'{"a": 1}\n{"a": 2}\n'


def bring(landing, lakehouse, content, file="a.json.gz"):
    """Ingest one file with this content; return (line, raw, encoding) of its rows."""
    upload_bytes(landing, "amazon_reviews", NAME, content, file)
    ingest(landing, lakehouse, REVIEWS, NAME)
    return rows(lakehouse, "bronze/reviews", "line", "raw", "encoding")


def fingerprint(lakehouse, dataset=REVIEWS, name=NAME):
    key = dataset.fingerprint_id(name)
    return lakehouse.transaction_versions(dataset.bronze, [key])[key]


@pytest.fixture
def before(landing, lakehouse):
    """The state of a partition that was ingested once, which must stay if the next ingest fails."""
    upload(landing, "amazon_reviews", NAME, '{"old": 1}', file="a.json")
    ingest(landing, lakehouse, REVIEWS, NAME)
    return state(lakehouse)


def state(lakehouse):
    columns = ("raw", "encoding", "file", "line", "partition")
    version = lakehouse.version("bronze/reviews")
    return version, fingerprint(lakehouse), rows(lakehouse, "bronze/reviews", *columns)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"one\ntwo\n", [(1, "one"), (2, "two")], id="two lines"),
        pytest.param(b"one\ntwo", [(1, "one"), (2, "two")], id="no newline at the end"),
        pytest.param(b"\n \t\none\n\r\n\ntwo\n\n", [(3, "one"), (6, "two")], id="blank lines"),
        pytest.param(b"\xef\xbb\xbfone\ntwo", [(1, "one"), (2, "two")], id="byte order mark"),
        pytest.param(b"one\n\xef\xbb\xbftwo", [(1, "one"), (2, "\ufefftwo")], id="inner mark"),
        pytest.param(b"one\r\ntwo\r\n", [(1, "one\r"), (2, "two\r")], id="CRLF"),
        pytest.param(b" one \n", [(1, " one ")], id="white space around"),
        pytest.param("\x00\x01\n\x85\n".encode(), [(1, "\x00\x01"), (2, "\x85")], id="control"),
        pytest.param("é\u2028漢\n".encode(), [(1, "é\u2028漢")], id="line separator ends no line"),
        pytest.param(b"\n\n", [], id="blank lines only"),
        pytest.param(b"\xef\xbb\xbf", [], id="byte order mark only"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("file", ["a.json", "a.json.gz"])
def test_every_line_that_is_not_blank_becomes_a_row(landing, lakehouse, content, expected, file):
    assert bring(landing, lakehouse, content, file) == [(*row, "utf-8") for row in expected]


def test_line_that_is_not_utf8_is_stored_as_base64(landing, lakehouse):
    bad = b'{"a": "\xff\xe9"}'

    actual = bring(landing, lakehouse, b"one\n" + bad + b"\nthree\n\xed\xa0\x80\n")

    assert actual == [
        (1, "one", "utf-8"),
        (2, base64.b64encode(bad).decode(), "base64"),
        (3, "three", "utf-8"),
        (4, base64.b64encode(b"\xed\xa0\x80").decode(), "base64"),
    ]


def test_lines_across_blocks_keep_bytes_and_numbers(landing, lakehouse, monkeypatch):
    monkeypatch.setattr("amazon_reviews.pipeline.source_files.unpacking.BLOCK_BYTES", 7)
    lines = [b"x" * length for length in range(1, 40)] + [b"", "é".encode() * 30]

    actual = bring(landing, lakehouse, b"\n".join(lines))

    expected = [(n, line.decode(), "utf-8") for n, line in enumerate(lines, start=1) if line]
    assert actual == sorted(expected, key=repr)


def test_line_above_four_mebibytes_is_one_row_with_its_beginning(landing, lakehouse):
    long = b'{"reviewText": "' + b"x" * 10_000_000 + b'"}'

    actual = bring(landing, lakehouse, b"one\n" + long + b"\nthree")

    assert [(line, len(raw)) for line, raw, _ in actual] == [(1, 3), (2, 2**22 + 4), (3, 5)]


def test_gzip_file_of_several_members_is_read_to_its_end(landing, lakehouse):
    path = upload_bytes(landing, "amazon_reviews", NAME, b"one\ntw", "a.json.gz")
    path.write_bytes(path.read_bytes() + gzip.compress(b"o\nthree"))

    ingest(landing, lakehouse, REVIEWS, NAME)

    actual = rows(lakehouse, "bronze/reviews", "line", "raw")
    assert actual == [(1, "one"), (2, "two"), (3, "three")]


def test_lines_are_numbered_in_each_file_and_keep_file_and_partition(landing, lakehouse):
    upload(landing, "amazon_reviews", NAME, "one", "two", file="b é.json")
    path = upload(landing, "amazon_reviews", NAME, "three", file="a.json.gz")
    upload(landing, "amazon_metadata", NAME, "other", file="a.json")

    report = ingest(landing, lakehouse, REVIEWS, NAME)
    ingest(landing, lakehouse, PRODUCTS, NAME)

    assert rows(lakehouse, "bronze/reviews", "file", "line", "raw", "partition") == [
        ("a.json.gz", 1, "three", NAME),
        ("b é.json", 1, "one", NAME),
        ("b é.json", 2, "two", NAME),
    ]
    assert rows(lakehouse, "bronze/products", "raw", "partition") == [("other", NAME)]
    assert (report.files, report.lines, report.size) == (2, 3, path.stat().st_size + 8)


def test_second_ingest_gives_the_same_rows(landing, lakehouse, before):
    ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse)[1:] == before[1:]


def test_new_upload_replaces_only_its_partition(landing, lakehouse, before):
    upload(landing, "amazon_reviews", "partition_10", "ten", file="a.json")
    ingest(landing, lakehouse, REVIEWS, "partition_10")
    (Path(landing.location) / "amazon_reviews" / NAME / "a.json").unlink()
    upload(landing, "amazon_reviews", NAME, "new", "newer", file="b.json")

    ingest(landing, lakehouse, REVIEWS, NAME)

    assert rows(lakehouse, "bronze/reviews", "partition", "raw") == [
        (NAME, "new"),
        (NAME, "newer"),
        ("partition_10", "ten"),
    ]


def test_fingerprint_is_in_the_commit_of_its_rows(landing, lakehouse, before):
    upload(landing, "amazon_reviews", NAME, "new", file="b.json")
    ingest(landing, lakehouse, REVIEWS, NAME)
    key = REVIEWS.fingerprint_id(NAME)

    version = lakehouse.version("bronze/reviews")
    old, new = (lakehouse.delta("bronze/reviews", version - back) for back in (1, 0))

    assert old.transaction_version(key) == before[1]
    assert new.transaction_version(key) == landing.partition("amazon_reviews", NAME).fingerprint
    assert new.to_pyarrow_table().num_rows == 2


def _cut(path):
    path.write_bytes(gzip.compress(PLAIN)[:-9])


def _without_its_checksum(path):
    path.write_bytes(gzip.compress(PLAIN)[:-4])


def _wrong_checksum(path):
    content = bytearray(gzip.compress(PLAIN))
    content[-8] ^= 0xFF
    path.write_bytes(bytes(content))


def _damaged_inside(path):
    content = bytearray(gzip.compress(os.urandom(4000).hex().encode()))
    content[1000:1200] = bytes(200)
    path.write_bytes(bytes(content))


def _second_member_cut(path):
    path.write_bytes(gzip.compress(PLAIN) + gzip.compress(PLAIN)[:-9])


def _followed_by_text(path):
    path.write_bytes(gzip.compress(PLAIN) + PLAIN)


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _without_its_checksum,
        _wrong_checksum,
        _damaged_inside,
        _second_member_cut,
        _followed_by_text,
    ],
)
def test_damaged_gzip_file_is_rejected_whole_and_named(landing, lakehouse, before, damage):
    upload(landing, "amazon_reviews", NAME, "good", file="0.json")
    damage(upload(landing, "amazon_reviews", NAME, file="z bad.json.gz"))

    with pytest.raises(
        LandingError, match=r"partition_1/z bad\.json\.gz cannot be read to its end"
    ):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


def test_text_file_with_gzip_name_is_rejected(landing, lakehouse, before):
    upload(landing, "amazon_reviews", NAME, file="z.json.gz").write_bytes(PLAIN)

    with pytest.raises(LandingError, match=r"z\.json\.gz is not gzip, .* without \.gz$"):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


def test_gzip_file_with_text_name_is_rejected(landing, lakehouse, before):
    path = upload(landing, "amazon_reviews", NAME, file="z.json")
    path.write_bytes(gzip.compress(PLAIN))

    with pytest.raises(LandingError, match=r"z\.json is gzip"):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


def test_file_with_an_endless_line_is_rejected(landing, lakehouse, before):
    endless = b"one\n" + bytes(80 << 20)
    upload_bytes(landing, "amazon_reviews", NAME, endless, "z.json.gz")

    with pytest.raises(LandingError, match=r"z\.json\.gz: line 2 is longer than 64 MiB"):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


class BreakingOff:
    """A stream that fails after its first block, as a network mount does."""

    def __init__(self):
        self.reads = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def read(self, size=-1):
        self.reads += 1
        if self.reads > 1:
            raise OSError(5, "Input/output error")
        return b"one\n"


def test_file_that_breaks_off_is_rejected(landing, lakehouse, before, monkeypatch):
    monkeypatch.setattr(LandingZone, "open", lambda zone, file: BreakingOff())

    with pytest.raises(LandingError, match=r"a\.json cannot be read to its end"):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


def test_file_that_cannot_be_opened_is_rejected(landing, lakehouse, before, monkeypatch):
    plain_open = LandingZone.open

    def remove_and_open(zone, file):
        Path(file.path).unlink()
        return plain_open(zone, file)

    monkeypatch.setattr(LandingZone, "open", remove_and_open)

    with pytest.raises(LandingError, match=r"partition_1/a\.json cannot be opened"):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


def test_file_that_changes_during_the_read_is_rejected(landing, lakehouse, before, monkeypatch):
    plain_open = LandingZone.open

    def open_and_upload(zone, file):
        stream = plain_open(zone, file)
        with Path(file.path).open("ab") as other:
            other.write(b"more\n")
        return stream

    monkeypatch.setattr(LandingZone, "open", open_and_upload)

    with pytest.raises(LandingError, match=r"partition_1/a\.json changed while it was read"):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


def replaced_with_the_same_size_and_time(path, content):
    """Replace a file as a program does that keeps sizes and times, such as `rsync --times`."""
    times = path.stat()
    other = path.with_name(".other")
    other.write_bytes(content.ljust(times.st_size, b"\n"))
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    os.replace(other, path)


def rewritten_with_the_same_size_and_time(path, content):
    times = path.stat()
    path.write_bytes(content.ljust(times.st_size, b"\n"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize(
    "change", [replaced_with_the_same_size_and_time, rewritten_with_the_same_size_and_time]
)
@pytest.mark.parametrize("when", ["before it is opened", "while it is read"])
def test_file_replaced_during_the_read_is_never_mixed(
    landing, lakehouse, before, monkeypatch, change, when
):
    plain_open = LandingZone.open

    def open_and_replace(zone, file):
        if when == "before it is opened":
            change(Path(file.path), b"other")
        stream = plain_open(zone, file)
        if when == "while it is read":
            change(Path(file.path), b"other")
        return stream

    monkeypatch.setattr(LandingZone, "open", open_and_replace)

    with pytest.raises(LandingError, match=r"partition_1/a\.json changed while it was read"):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


def test_file_added_during_the_read_is_noticed(landing, lakehouse, before, monkeypatch):
    plain_open = LandingZone.open

    def open_and_upload(zone, file):
        upload(landing, "amazon_reviews", NAME, "late", file="z.json")
        return plain_open(zone, file)

    monkeypatch.setattr(LandingZone, "open", open_and_upload)

    with pytest.raises(LandingError, match="changed while it was read"):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


@pytest.mark.parametrize("left", ["nothing", "other files", "a folder named like a file", "gone"])
def test_folder_without_files_leaves_the_table_unchanged(landing, lakehouse, before, left):
    folder = Path(landing.location) / "amazon_reviews" / NAME
    (folder / "a.json").unlink()
    if left == "gone":
        folder.rmdir()
    elif left == "other files":
        (folder / "_SUCCESS").touch()
        (folder / ".a.json").write_text("hidden")
        (folder / "a.md").write_text("other")
        (folder / "b.json").touch()
    elif left == "a folder named like a file":
        (folder / "x.json.gz").mkdir()

    with pytest.raises(LandingError, match=r"partition_1 holds no file ending in \.json"):
        ingest(landing, lakehouse, REVIEWS, NAME)

    assert state(lakehouse) == before


def test_folder_named_like_a_file_is_ignored(landing, lakehouse):
    (upload(landing, "amazon_reviews", NAME, "one", file="a.json").parent / "x.json.gz").mkdir()

    ingest(landing, lakehouse, REVIEWS, NAME)

    assert rows(lakehouse, "bronze/reviews", "raw") == [("one",)]


def test_small_files_are_opened_ahead_and_all_are_closed(landing, lakehouse, monkeypatch):
    plain_open, opened, most = LandingZone.open, [], []

    def noted(zone, file):
        opened.append(plain_open(zone, file))
        most.append(sum(not stream.closed for stream in opened))
        return opened[-1]

    for number in range(40):
        upload_bytes(landing, "amazon_reviews", NAME, b"{}\n" * number, f"{number:02}.json")
    monkeypatch.setattr(LandingZone, "open", noted)

    ingest(landing, lakehouse, REVIEWS, NAME)

    origins = rows(lakehouse, "bronze/reviews", "file", "line")
    assert len(origins) == sum(range(40))
    assert 2 < max(most) <= 17
    path = upload_bytes(landing, "amazon_reviews", NAME, PLAIN, "05.json.gz")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(LandingError, match=r"05\.json\.gz"):
        ingest(landing, lakehouse, REVIEWS, NAME)
    assert all(stream.closed for stream in opened)
    assert len(opened) < 40 + 41
