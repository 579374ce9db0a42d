"""Titles and title ratings: typed rows, and the reasons of rejected records."""

from datetime import UTC, date, datetime

import pytest

from amazon_reviews.transforms import title_ratings, titles
from amazon_reviews.transforms.csv_records import parse_records
from amazon_reviews.transforms.title_ratings import (
    rated_titles,
    silver_ratings,
    type_ratings,
)
from amazon_reviews.transforms.titles import silver_titles, type_titles
from amazon_reviews_tests.transforms.frames import RECORDS, rows_by_line

RATING_HEADER = ("userId", "rating", "timestamp", "movieId")
USUAL = {
    "show_id": "s7",
    "type": "Movie",
    "title": "A Film",
    "date_added": "March 30, 2021",
    "release_year": "2014",
    "rating": "PG-13",
    "duration": "113 min",
}


def frame_of_records(spark, records):
    """Return records given as (raw, header[, partition[, encoding]]) as a DataFrame."""
    lines = []
    for number, (raw, header, *more) in enumerate(records):
        partition, encoding = [*more, *("hulu", "utf-8")[len(more) :]]
        lines.append((raw, encoding, "f.csv", number, partition, list(header)))
    return spark.createDataFrame(lines, RECORDS)


def title_rows(spark, records):
    parsed = parse_records(frame_of_records(spark, records), titles.FIELDS)
    return rows_by_line(silver_titles(type_titles(parsed)))


def rating_rows(spark, records):
    parsed = parse_records(frame_of_records(spark, records), title_ratings.FIELDS)
    return rows_by_line(silver_ratings(type_ratings(parsed)))


def record(partition="hulu", **fields):
    """Return a record with these fields, its header and its partition."""
    record = USUAL | fields
    return ",".join(f'"{value}"' for value in record.values()), record, partition


def test_title_record_becomes_typed_row_in_lower_case(spark):
    fields = {"cast": "Ann Lee,  Bob Ray,,Ann Lee", "country": "Spain", "listed_in": 'Pop, ""X""'}
    (row,) = title_rows(spark, [record(**fields)])

    assert {name: row[name] for name in row if row[name] is not None} == {
        "id": "hs7",
        "platform": "hulu",
        "type": "movie",
        "title": "a film",
        "actors": ["ann lee", "bob ray"],
        "country": "spain",
        "date_added": date(2021, 3, 30),
        "release_year": 2014,
        "rating": "pg-13",
        "rating_imputed": False,
        "duration_int": 113,
        "duration_type": "min",
        "listed_in": 'pop, "x"',
        "file": "f.csv",
        "line": 0,
        "partition": "hulu",
        "encoding": "utf-8",
    }


TITLES = [
        ({"rating": ""}, {"rating": "g", "rating_imputed": True}),
        ({"duration": "1 Season"}, {"duration_int": 1, "duration_type": "season"}),
        ({"duration": "12 Seasons"}, {"duration_int": 12, "duration_type": "season"}),
        ({"duration": "", "rating": "93 min"},
         {"duration_int": 93, "duration_type": "min", "rating": "g", "rating_imputed": True}),
        ({"duration": "", "rating": "2 Seasons"}, {"duration_int": 2, "duration_type": "season"}),
        ({"duration": "90 min", "rating": "93 min"}, {"duration_int": 90, "rating": "g"}),
        ({"duration": "", "rating": ""}, {"duration_int": None, "duration_type": None}),
        ({"date_added": " March 3, 2021"}, {"date_added": date(2021, 3, 3)}),
        ({"date_added": "2021-03-03"}, {"date_added": date(2021, 3, 3)}),
        ({"date_added": "Sept. 3, 2021"}, {"date_added": date(2021, 9, 3)}),
        ({"date_added": "3 sep 2021"}, {"date_added": date(2021, 9, 3)}),
        ({"date_added": ""}, {"date_added": None}),
        ({"title": "ÉTÉ"}, {"title": "été"}),
        ({"show_id": "S8", "partition": "netflix"}, {"id": "ns8", "platform": "netflix"}),
        ({"seen": "yes"}, {"rescued": [("seen", "yes")]}),
        ({"seen": ""}, {"rescued": None}),
        ({"cast": ""}, {"actors": None}),
        ({"title": "A\x1b[2J\u202eb", "cast": "Ann\x00, Bob\x07Ray", "description": "two\nlines"},
         {"title": "a [2j b", "actors": ["ann", "bob ray"], "description": "two lines"}),
        ({"seen": "a\x1b", "ever\x00": "b"}, {"rescued": [("seen", "a"), ("ever", "b")]}),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def typed_titles(spark):
    """The rows of all records of `TITLES`: one query for all of them."""
    return title_rows(spark, [record(**fields) for fields, _ in TITLES])


@pytest.mark.parametrize("number", range(len(TITLES)))
def test_title_fields_become_typed_columns(typed_titles, number):
    row, (_, expected) = typed_titles[number], TITLES[number]

    assert row["reason"] is None
    assert {name: row[name] for name in expected} == expected


REJECTED_TITLES = [
    ({"show_id": " "}, "missing_field", "show_id: absent"),
    ({"show_id": "s\x1b1"}, "wrong_type", "show_id: U+001B in s 1"),
    ({"title": "\x00"}, "missing_field", "title:"),
    ({"type": ""}, "missing_field", "type: absent"),
    ({"title": ""}, "missing_field", "title: absent"),
    ({"type": "Book"}, "out_of_range", "type: Book"),
    ({"release_year": "soon"}, "wrong_type", "release_year: soon"),
    ({"release_year": "NaN"}, "wrong_type", "release_year: NaN"),
    ({"release_year": "1e400"}, "out_of_range", "release_year: 1e400"),
    ({"release_year": "20140"}, "out_of_range", "release_year: 20140"),
    ({"duration": "an hour"}, "wrong_type", "duration: an hour"),
    ({"date_added": "marzo 30, 2021"}, "wrong_type", "date_added: marzo 30, 2021"),
    ({"date_added": "yesterday"}, "wrong_type", "date_added: yesterday"),
    ({"date_added": "February 30, 2020"}, "wrong_type", "date_added: February 30, 2020"),
]


def test_unusable_titles_are_rejected_with_reason_and_detail(spark):
    rows = title_rows(spark, [record(**fields) for fields, _, _ in REJECTED_TITLES])

    details = [(row["reason"], row["detail"].lower()) for row in rows]
    assert details == [(reason, detail.lower()) for _, reason, detail in REJECTED_TITLES]
    assert all(row["raw"] for row in rows)


def test_records_of_wrong_size_or_encoding_are_rejected(spark):
    header = ("show_id", "type", "title")
    raws = ["s1,Movie", "s1,Movie,A,b", "s1,Movie,A\r"]
    records = [*((raw, header) for raw in raws), ("czI=", header, "hulu", "base64")]

    rows = title_rows(spark, records)

    reasons = [row["reason"] for row in rows]
    assert reasons == ["missing_field", "not_an_object", None, "not_utf8"]
    assert [row["detail"] for row in rows] == [
        "2 fields; the header names 3",
        "4 fields; the header names 3",
        None,
        None,
    ]
    assert rows[2]["title"] == "a"
    assert (rows[3]["raw"], rows[3]["encoding"]) == ("czI=", "base64")


def test_ratings_become_typed_rows(spark):
    raws = ["1,4.5,1425941529,AS680", "1,3.46713,,as1", "1,5,1425941529,as680", "1,5,5,as680"]

    rows = rating_rows(spark, [(raw, RATING_HEADER) for raw in raws])

    assert [row["reason"] for row in rows] == [None] * 4
    assert [(row["user_id"], row["title_id"], row["rating"]) for row in rows[:2]] == [
        ("1", "as680", 4.5),
        ("1", "as1", 3.46713),
    ]
    assert rows[0]["rated_at"] == datetime.fromtimestamp(1425941529, UTC)
    assert rows[1]["rated_at"] is None
    assert len({row["rating_id"] for row in rows}) == 4


REJECTED_RATINGS = [
    (",4,5,as1", "missing_field"),
    ("1,,5,as1", "missing_field"),
    ("1,4,5,", "missing_field"),
    ("1,good,5,as1", "wrong_type"),
    ("1,nan,5,as1", "wrong_type"),
    ("1,4,soon,as1", "wrong_type"),
    ("1\x1b,4,5,as1", "wrong_type"),
    ("1,4,5,as\x001", "wrong_type"),
    ("1,5.5,5,as1", "out_of_range"),
    ("1,0,5,as1", "out_of_range"),
    ("1,4,-5,as1", "out_of_range"),
    ("1,4,5", "missing_field"),
]


def test_unusable_ratings_are_rejected_with_reason(spark):
    rows = rating_rows(spark, [(raw, RATING_HEADER) for raw, _ in REJECTED_RATINGS])

    assert [row["reason"] for row in rows] == [reason for _, reason in REJECTED_RATINGS]


def test_user_ids_lose_their_decimal_point_only_if_all_of_their_file_have_it(spark):
    """Other files and partitions in the same query make no difference."""
    users = {
        "floats": ["1.0", "22.0", "", "x,y"],
        "mixed": ["1.0", "2"],
        "integers": ["1"],
        "texts": ["1.0", "a.0"],
    }
    lines = [
        (f"{user},4.5,5,as1", "utf-8", f"{file}.csv", line, "p", [*title_ratings.FIELDS])
        for file, written in users.items()
        for line, user in enumerate(written)
    ]
    parsed = parse_records(spark.createDataFrame(lines, RECORDS), title_ratings.FIELDS)
    typed = type_ratings(parsed).where("reason is null").orderBy("file", "line")
    rows = typed.toArrow().to_pylist()

    assert [(row["file"], row["user_id"]) for row in rows] == [
        ("floats.csv", "1"),
        ("floats.csv", "22"),
        ("integers.csv", "1"),
        ("mixed.csv", "1.0"),
        ("mixed.csv", "2"),
        ("texts.csv", "1.0"),
        ("texts.csv", "a.0"),
    ]
    assert rows[0]["rating_id"] == rows[2]["rating_id"] != rows[3]["rating_id"]


def test_rating_in_two_files_counts_once(spark):
    ratings = spark.createDataFrame(
        [("a", "as1", 4.0), ("a", "as1", 4.0), ("b", "as1", 3.5), ("c", "as2", 1.0)],
        "rating_id string, title_id string, rating double",
    )

    rated = {row["title_id"]: row for row in rated_titles(ratings).toArrow().to_pylist()}

    assert rated["as1"] == {"title_id": "as1", "mean_rating": 3.75, "ratings": 2}
    assert rated["as2"]["ratings"] == 1


def test_mean_ratings_are_rounded_half_up(spark):
    silver = spark.createDataFrame(
        [("as1", "f", 1, "amazon", None), ("as2", "f", 2, "amazon", None)],
        "id string, file string, line int, partition string, rescued map<string,string>",
    )
    rated = spark.createDataFrame(
        [("as1", 3.25, 4)], "title_id string, mean_rating double, ratings bigint"
    )

    rows = titles.gold_titles(silver, rated).orderBy("id").toArrow().to_pylist()

    assert [(row["mean_rating_rounded"], row["ratings"]) for row in rows] == [(3.3, 4), (None, 0)]
