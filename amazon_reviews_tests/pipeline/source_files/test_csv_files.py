"""CSV files: every record once as it is written, or an error for the file."""

from dataclasses import replace

import pytest

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import TITLES
from amazon_reviews.pipeline.intake import profile_of
from amazon_reviews.pipeline.source_files import delimited, unpacking
from amazon_reviews_tests.helpers import rows, upload_bytes
from amazon_reviews_tests.pipeline.source_files.reading import open_bytes, records_of

HEADER = "a,b,c"
FILE = "zone/partition_1/file.csv"


def read(*lines, required=("a",)):
    """Return the records of a CSV file with these lines."""
    source_file = open_bytes("\n".join(lines).encode(), delimiter=",")
    profile_of(replace(TITLES, required=required), (), source_file, FILE)
    return [(number, record.decode()) for number, record in records_of(source_file)]


@pytest.mark.parametrize("block_bytes", [1, 7, 9999])
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["1,2,3", "", "4,5,6"], [(2, "1,2,3"), (4, "4,5,6")], id="plain"),
        pytest.param(['1,"x, y",3'], [(2, '1,"x, y",3')], id="a comma in quotes"),
        pytest.param(['1,"x', "", 'y",3', "4,5,6"], [(2, '1,"x\n\ny",3'), (5, "4,5,6")],
                     id="line feeds in quotes"),
        pytest.param(['1,"say ""no""",3'], [(2, '1,"say ""no""",3')], id="doubled quotes"),
        pytest.param(['1,6" disk,3', "4,5,6"], [(2, '1,6" disk,3'), (3, "4,5,6")],
                     id="a quote within a bare field"),
        pytest.param(['1,"open,3', "4,5,6", '7,"8",9'],
                     [(2, '1,"open,3'), (3, "4,5,6"), (4, '7,"8",9')],
                     id="an open quote takes no other records"),
        pytest.param(['1,"open,3', "4,5,6"], [(2, '1,"open,3'), (3, "4,5,6")],
                     id="an open quote before the last record"),
        pytest.param(["1,2", "1,2,3,4"], [(2, "1,2"), (3, "1,2,3,4")], id="other field counts"),
    ],
)  # fmt: skip
def test_lines_become_numbered_records(lines, expected, block_bytes, monkeypatch):
    monkeypatch.setattr(unpacking, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(unpacking, "HEAD_BYTES", 64)

    assert read(HEADER, *lines) == expected


def test_record_that_is_too_long_is_only_its_first_line(monkeypatch):
    monkeypatch.setattr(delimited, "_LONGEST_OPEN_BYTES", 10)

    assert read(HEADER, '1,"x', "y" * 20, "z,", "4,5,6")[0] == (2, '1,"x')


def test_blank_lines_before_the_header_are_skipped():
    assert read("", " ", HEADER, "1,2,3") == [(4, "1,2,3")]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([HEADER, '1,"broken o'], "ends within the quotes that line 2 opens"),
        ([HEADER, "1,2,3", '4,"broken', "off"], "ends within the quotes that line 3 opens"),
        ([], "has no header"),
        ([""], "has no header"),
        (["a;b;c", "1;2;3"], "lacks a, b; it names a;b;c"),
        (["x,b,c", "1,2,3"], "lacks a; it names x, b, c"),
        (["a,b,a", "1,2,3"], "names a twice"),
    ],
)
def test_error_names_the_unreadable_file(lines, fault):
    with pytest.raises(LandingError, match=f"{FILE}.*{fault}"):
        read(*lines, required=("a", "b"))


def test_columns_without_a_name_are_named_by_position():
    source_file = open_bytes(b",a, ,b,\n0,1,2,3,4")

    assert source_file.format.header == ("column 1", "a", "column 3", "b", "column 5")


def test_error_names_the_file_whose_header_is_not_text():
    with pytest.raises(LandingError, match=f"{FILE}: its header is not text in utf-8"):
        open_bytes(b"\xff\xfda,b", charset="utf-8", delimiter=",")


def test_bronze_rows_have_the_header_and_keep_bytes_that_are_not_text(landing, lakehouse):
    content = b'\xef\xbb\xbfshow_id,type,title\r\ns1,Movie,"A,\r\nb"\r\ns2,Movie,\xe9\r\n'
    upload_bytes(landing, "titles", "", content, "hulu_titles.csv.gz")

    assert ingest(landing, lakehouse, TITLES, "hulu").lines == 2

    header = ["show_id", "type", "title"]
    assert rows(lakehouse, "bronze/titles", "line", "raw", "encoding", "header", "file") == [
        (2, 's1,Movie,"A,\r\nb"\r', "utf-8", header, "hulu_titles.csv.gz"),
        (4, "czIsTW92aWUs6Q0=", "base64", header, "hulu_titles.csv.gz"),
    ]


def test_file_that_breaks_off_leaves_bronze_unchanged(landing, lakehouse):
    path = upload_bytes(landing, "titles", "", b"show_id,type,title\ns1,Movie,A\n", "hulu.csv.gz")
    ingest(landing, lakehouse, TITLES, "hulu")
    before = rows(lakehouse, "bronze/titles", "line", "raw")
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(LandingError, match=r"hulu\.csv\.gz cannot be read to its end"):
        ingest(landing, lakehouse, TITLES, "hulu")

    assert rows(lakehouse, "bronze/titles", "line", "raw") == before
