"""Delimited text: delimiter, quotes and header from the content, and every record once."""

import csv
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.delimited import split_fields
from amazon_reviews.pipeline.source_files.formats import Reading
from amazon_reviews_tests.pipeline.source_files.reading import open_bytes, read, records_of

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)
_CELLS = st.one_of(_TEXT, st.text(',;|\t"\n a', max_size=6)).map(str.strip)
_ROWS = st.lists(st.lists(_CELLS, min_size=3, max_size=3), min_size=1, max_size=8)


def written(rows, **dialect):
    text = io.StringIO()
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue().encode()


def parsed(source, **options):
    fmt = source.format
    records = [text.decode() for _, text in records_of(source, **options)]
    return [split_fields(text, fmt.delimiter, fmt.quote) for text in records]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@settings(max_examples=30, deadline=None)
@given(rows=_ROWS)
def test_file_of_any_dialect_gives_the_written_fields(delimiter, line_end, rows):
    # A record of empty fields could be a blank line, and is not written as one only with quotes.
    rows = [[f"x{row[0]}", *row[1:]] for row in rows]
    content = written([["a", "b", "c"], *rows], delimiter=delimiter, lineterminator=line_end)

    source = open_bytes(content, delimiter=delimiter, quote='"')

    assert source.format.header == ("a", "b", "c")
    assert parsed(source) == rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.lists(st.text("ab 1.é", min_size=1), min_size=3, max_size=3), min_size=1))
def test_delimiter_is_found(delimiter, rows):
    content = written([["a", "b", "c"], *rows], delimiter=delimiter, lineterminator="\n")

    source = open_bytes(content)

    assert (source.format.delimiter, source.format.container) == (delimiter, "delimited")


def test_delimiter_is_found_among_texts_with_other_delimiters():
    rows = [["name", "stars", "text"], *(["A, B", "5", "good, cheap, small; so|so"],) * 9]

    source = open_bytes(written(rows, delimiter=";"))

    assert (source.format.delimiter, source.format.header) == (";", ("name", "stars", "text"))
    assert parsed(source) == rows[1:]


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t"), ("a.txt", ",")])
def test_file_of_one_column_is_read(name, delimiter):
    source = open_bytes(b"text\ngood\nbad\n", name)

    assert (source.format.delimiter, source.format.header) == (delimiter, ("text",))
    assert records_of(source) == [(2, b"good"), (3, b"bad")]


def test_quotes_are_text_if_only_so_all_records_have_the_fields_of_the_header():
    lines = [b"id\ttitle\ttext", b'1\t"open\tgood', b'2\tshut"\tbad', b'3\t6" disk\t"', b"4\ta\tb"]

    source = open_bytes(b"\n".join(lines), "a.tsv")

    assert source.format.quote is None
    assert source.sample[0] == {"id": "1", "title": '"open', "text": "good"}
    assert records_of(source) == [*enumerate(lines[1:], 2)]


def test_quotes_are_text_even_if_an_odd_one_comes_late():
    lines = [b"a\tb", *[b'1\t"x"'] * 1000, b'"\tx', b'1\t"']

    assert open_bytes(b"\n".join(lines), "a.tsv").format.quote is None


def test_tab_delimited_file_with_quotes_is_read_with_them():
    source = open_bytes(b'a\tb\n1\t"x\ty"\n2\t"p\nq"\n', "a.tsv")

    assert source.format.quote == '"'
    assert parsed(source) == [["1", "x\ty"], ["2", "p\nq"]]


def test_caller_replaces_the_quote():
    source = open_bytes(b'a\tb\n1\t"x\n2\ty"\n', "a.tsv", quote='"')

    assert records_of(source, quote=None) == [(2, b'1\t"x'), (3, b'2\ty"')]


def test_header_names_are_trimmed_and_unnamed_columns_are_numbered():
    source = open_bytes(b'\xef\xbb\xbf a ,,"b\nc", \n1,2,3,4\n')

    assert source.format.header == ("a", "column 2", "b\nc", "column 4")
    assert records_of(source) == [(3, b"1,2,3,4")]


def test_repeated_name_is_an_error_that_names_it():
    with pytest.raises(LandingError, match=r"file\.csv: its header names stars twice"):
        open_bytes(b"stars,text,stars\n1,2,3\n")


def test_file_without_header_gives_every_line_to_the_named_columns():
    source = open_bytes(b"B1\t5\nB2\t4\n", columns=("asin", "stars"))

    assert (source.format.header, source.format.delimiter) == (("asin", "stars"), "\t")
    assert source.sample == [{"asin": "B1", "stars": "5"}, {"asin": "B2", "stars": "4"}]
    assert records_of(source) == [(1, b"B1\t5"), (2, b"B2\t4")]


def test_mixed_line_ends_stay_within_fields():
    content = b'a,b\r\n1,"x\ny"\r\n2,z\r\n'

    assert read(content) == [(2, b'1,"x\ny"\r'), (4, b"2,z\r")]


def test_record_with_text_after_its_closing_quote_is_only_its_line():
    assert read(b'a,b\n1,"x\ny"z,2\n3,4\n') == [(2, b'1,"x'), (3, b'y"z,2'), (4, b"3,4")]


def test_record_of_more_fields_than_the_header_ends_with_its_line():
    assert read(b'a,b\n1,"x\n","y\n","z\n3,4\n')[0] == (2, b'1,"x')


def test_record_beyond_four_mebibytes_is_one_record():
    long = b'1,"' + b"x" * 3_000_000 + b"\n" + b"y" * 3_000_000 + b'"'

    assert read(b"a,b\n" + long + b"\n2,z\n") == [(2, long), (4, b"2,z")]
    assert read(b"a,b\n1," + b"x" * 5_000_000 + b"\n")[0][1][:3] == b"1,x"


def test_ten_thousand_columns_are_read():
    names = ",".join(f"c{number}" for number in range(10_000)).encode()

    source = open_bytes(names + b"\n" + b",".join([b"1"] * 10_000) + b"\n")

    assert len(source.format.header) == 10_000
    assert len(source.sample[0]) == 10_000


def test_first_line_without_end_is_an_error():
    with pytest.raises(LandingError, match="first line is longer than 1 MiB"):
        open_bytes(b"x" * 3_000_000)


@pytest.mark.parametrize("line", [b'a"b,"c\n', b'a","b\n', b'1,"x\n'])
def test_file_of_unclosed_quotes_takes_linear_time(line):
    start = time.process_time()

    with pytest.raises(LandingError, match="ends within the quotes"):
        read(b"a,b,c\n" + line * 3_000 + b'1,"x')

    assert time.process_time() - start < 20


def test_file_with_too_many_unclosed_quotes_is_refused(monkeypatch):
    monkeypatch.setattr("amazon_reviews.pipeline.source_files.delimited._FREE_READ_AGAIN", 1000)
    header = ",".join(f"c{number}" for number in range(500)).encode()

    with pytest.raises(LandingError, match="quotes are not closed in too many"):
        read(header + b"\n" + b'a","b\n' * 2_000, quote='"')


def test_sample_ends_after_a_thousand_records():
    assert len(open_bytes(b"a,b\n" + b"1,2\n" * 3000).sample) == 1000


def test_sample_leaves_out_records_of_other_fields():
    assert open_bytes(b"a,b\n1\n2,3\n4,5,6\n").sample == [{"a": "2", "b": "3"}]


@pytest.mark.parametrize("options", [{"delimiter": ",,"}, {"quote": "\n"}, {"delimiter": "é"}])
def test_delimiter_and_quote_are_one_character(options):
    with pytest.raises(ValueError, match="not one ASCII character"):
        Reading(**options)
