"""Encodings of text: found, recorded, and decoded to UTF-8."""

import codecs

import pytest

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.unpacking import HEAD_BYTES
from amazon_reviews_tests.pipeline.source_files.reading import open_bytes, read, records_of

TEXT = "id,text\n1,Käse\n2,漢字 😀\n"
LINES = [(2, "1,Käse".encode()), (3, "2,漢字 😀".encode())]


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_unicode_text_is_found_and_decoded(content, charset):
    source = open_bytes(content)

    assert source.format.charset == charset
    assert source.format.header == ("id", "text")
    assert source.sample == [{"id": "1", "text": "Käse"}, {"id": "2", "text": "漢字 😀"}]
    assert records_of(source) == LINES


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.txt"])
def test_utf16_is_found_in_json_lines(name):
    source = open_bytes('{"a": "ä"}\n{"a": "\u0a0a"}'.encode("utf-16-le"), name)

    assert source.format.container == "json"
    assert records_of(source) == [(1, '{"a": "ä"}'.encode()), (2, '{"a": "\u0a0a"}'.encode())]


@pytest.mark.parametrize(
    "content",
    [TEXT.encode("utf-16-le") + b"\n", "id,text\n1,".encode("utf-16-le") + b"\x3d\xd8\n\x00"],
    ids=["odd length", "half a character"],
)
def test_damaged_utf16_is_refused_by_name(content):
    with pytest.raises(LandingError, match=r"file\.csv is not text in utf-16-le"):
        read(content)


def test_utf32_is_refused_by_name():
    with pytest.raises(LandingError, match=r"file\.csv is text in UTF-32"):
        open_bytes(TEXT.encode("utf-32"))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("id;text\n1;Käse – “gut”\n".encode("cp1252"), "a.csv"),
        ("review/userId: 1\nreview/text: Käse\n".encode("cp1252"), "a.txt"),
        ("id;text\n1;caf\xe9".encode("cp1252"), "a.csv"),
    ],
)
def test_windows_1252_is_found_in_delimited_text_and_paragraphs(content, name):
    source = open_bytes(content, name)

    assert source.format.charset == "windows-1252"
    ((_, text),) = records_of(source)
    assert "ä" in text.decode() or text == "1;café".encode()


def test_record_that_is_not_windows_1252_keeps_its_bytes():
    content = b"id;text\n1;K\xe4se\n2;\x81\xe4\n"

    assert read(content) == [(2, "1;Käse".encode()), (3, b"2;\x81\xe4")]


def test_one_bad_record_leaves_a_file_in_utf8():
    source = open_bytes("id,text\n1,Käse\n".encode() + b"2,K\xe4se\n")

    assert source.format.charset == "utf-8"
    assert source.sample == [{"id": "1", "text": "Käse"}]
    assert records_of(source) == [(2, "1,Käse".encode()), (3, b"2,K\xe4se")]


def test_json_lines_are_never_guessed_to_be_windows_1252():
    source = open_bytes(b'{"a": "K\xe4se"}\n', "a.json")

    assert source.format.charset == "utf-8"
    assert records_of(source) == [(1, b'{"a": "K\xe4se"}')]


@pytest.mark.parametrize("cut", range(4))
def test_character_cut_off_at_the_end_of_the_examined_bytes_is_utf8(cut):
    lead = b"a,b\n" + b"x" * (HEAD_BYTES - 5 - cut) + b"\n"
    content = lead + ",".join("😀" * 9).encode() + b"\n"

    assert open_bytes(content).format.charset == "utf-8"


@pytest.mark.parametrize("charset", ["iso-8859-15", "windows-1251", "shift_jis", "utf-8"])
def test_fixed_charset_is_used(charset):
    text = "id,text\n1,Ж\n" if charset != "iso-8859-15" else "id,text\n1,€\n"

    ((_, record),) = read(text.encode(charset), charset=charset)

    assert record == text.splitlines()[1].encode()


def test_fixed_charset_is_used_for_json_lines():
    text = '{"a": "€"}'

    assert read(text.encode("cp1252"), "a.json", charset="cp1252") == [(1, text.encode())]


@pytest.mark.parametrize("charset", ["klingon", "unicode_escape", "utf-7", "rot13", ""])
def test_unusable_charset_is_an_error_that_names_it(charset):
    if not charset:
        assert open_bytes(b"a,b\n1,2\n", charset=charset).format.charset == "utf-8"
        return
    with pytest.raises(LandingError, match=f"'{charset}' is not supported; use utf-8"):
        open_bytes(b"a,b\n1,2\n", charset=charset)
