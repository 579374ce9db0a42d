"""Records in files: read as written, hidden in the page, and absent from damaged files."""

from html.parser import HTMLParser
from io import BufferedReader, RawIOBase

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amazon_reviews.resources import built_files
from amazon_reviews.resources.built_files import (
    damage_of,
    read_built,
    stamped_html,
    stamped_markdown,
    stamped_schema,
)
from amazon_reviews.schemas.built import Built
from amazon_reviews_tests.damage import flip

HOSTILE = [
    '"</head><script>alert(1)</script>',
    "-- --> <!-- --- -->",
    "\\-- \\u002d- &quot; &amp; '",
    "\n\r\t\0 é 評 \ud800",
    "<title>",
    "",
]
BUILT = Built(1 << 62, {text: place for place, text in enumerate(HOSTILE)}, {HOSTILE[0]: False})
PAGE = (
    '<!doctype html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>Some</title>\n</head>\n'
    "<body>\n<svg><title>Other</title></svg>\n</body>\n</html>\n"
)
TEXT = "# Some\n\nText.\n"
TABLE = pa.table({"a": [1, 2, 3]})


def write(path, built=BUILT):
    """Write a file of the kind of its name, with this record or without one."""
    if path.suffix == ".parquet":
        schema = stamped_schema(TABLE.schema, built) if built else TABLE.schema
        pq.write_table(TABLE.cast(schema), path, write_page_checksum=True)
    elif path.suffix == ".html":
        path.write_text(stamped_html(PAGE, built) if built else PAGE)
    else:
        path.write_text(stamped_markdown(TEXT, built) if built else TEXT)
    return path


@pytest.fixture(params=["page.html", "text.md", "table.parquet"])
def path(request, tmp_path):
    return tmp_path / request.param


def test_record_is_read_as_it_was_written(path):
    assert read_built(write(path)) == BUILT


def test_record_is_read_whatever_the_name_of_the_file(path):
    renamed = write(path).rename(path.with_name("file"))

    assert read_built(renamed) == BUILT


def test_file_without_a_record_has_none(path):
    assert read_built(write(path, None)) is None


def test_missing_file_and_folder_have_no_record(path):
    assert read_built(path) is None
    assert read_built(path / "below") is None
    path.mkdir()
    assert read_built(path) is None


def test_file_cut_anywhere_has_no_record(path):
    content = write(path).read_bytes().rstrip()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert read_built(path) is None, length


def test_damaged_record_is_none(path, monkeypatch):
    monkeypatch.setattr(Built, "to_json", lambda self: '{"version": 1}')

    assert read_built(write(path)) is None


def test_garbage_has_no_record(path):
    for start in (b"PAR1", b"<!doctype html>", b""):
        path.write_bytes(start + bytes(range(256)) * 10 + b"PAR1")
        assert read_built(path) is None


def test_record_in_a_page_is_one_element_of_the_head():
    elements = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: elements.append((tag, dict(attributes)))
    parser.feed(stamped_html(PAGE, BUILT))

    tags = [tag for tag, _ in elements]
    assert tags == ["html", "head", "meta", "meta", "title", "body", "svg", "title"]
    name, stamp = elements[3]
    assert (name, stamp.pop("name")) == ("meta", "amazon-reviews-built")
    assert Built.from_json(stamp.pop("content")) == BUILT
    assert not stamp


def test_record_in_a_text_is_one_comment_at_the_end():
    before, _, comment = stamped_markdown(TEXT, BUILT).partition("<!--")

    assert before == TEXT + "\n"
    assert comment.index("--") == len(comment) - len("-->\n")


def test_only_the_last_comment_of_a_text_is_its_record(tmp_path):
    path = tmp_path / "text.md"
    path.write_text(stamped_markdown(stamped_markdown(TEXT, Built(1)), BUILT))
    assert read_built(path) == BUILT
    path.write_text(stamped_markdown(TEXT, BUILT) + "more text\n")
    assert read_built(path) is None


def test_a_meta_element_below_the_head_is_no_record(tmp_path):
    stamp = stamped_html("<title>", BUILT).removesuffix("<title>")
    path = tmp_path / "page.html"
    path.write_text(PAGE.replace("<body>", f"<body>{stamp}"))

    assert read_built(path) is None


def test_little_is_read_of_a_large_page(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    line = "x" * 1_000 + "\n"
    path.write_text(stamped_html(PAGE.replace("<body>", f"<body>{line * 5_000}"), BUILT))
    with path.open("rb", buffering=0) as raw:
        counted = Counting(raw)
        monkeypatch.setattr(type(path), "open", lambda self, mode: BufferedReader(counted))
        assert read_built(path) == BUILT

    assert counted.bytes < 100_000


class Counting(RawIOBase):
    """A file that counts the bytes read from it."""

    def __init__(self, raw):
        self.raw, self.bytes = raw, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, *arguments):
        return self.raw.seek(*arguments)

    def readinto(self, buffer):
        read = self.raw.readinto(buffer)
        self.bytes += read
        return read


def test_metadata_of_the_schema_stays_beside_the_record():
    schema = stamped_schema(TABLE.schema.with_metadata({"other": "kept"}), BUILT)

    assert schema.metadata.pop(b"other") == b"kept"
    assert Built.from_json(schema.metadata[b"amazon_reviews.built"].decode()) == BUILT


def test_every_changed_byte_of_what_is_shown_is_noticed(path):
    content = write(path).read_bytes()
    assert damage_of(path) == ""
    places = range(0, len(content), 7)
    if path.suffix == ".parquet":
        # Headers and statistics have no checksum.
        chunk = pq.read_metadata(path).row_group(0).column(0)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        end = start + chunk.total_compressed_size
        places = range(end - 12, end)
    for place in places:
        flip(path, place)
        assert damage_of(path), place
        path.write_bytes(content)


def test_missing_file_and_record_of_an_earlier_release_are_not_damaged(path, monkeypatch):
    assert damage_of(path) == ""
    monkeypatch.setattr(built_files, "_checked_record", lambda built, page="": built.to_json())
    assert damage_of(write(path)) == ""
