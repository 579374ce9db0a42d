"""Titles and ratings: what a record becomes, and why it is refused."""

from datetime import UTC, date, datetime

import pytest

from amazon_reviews.pipeline.datasets import TITLE_RATINGS, TITLES
from amazon_reviews.transforms import title_ratings, titles
from amazon_reviews.transforms.csv_records import parse_records
from amazon_reviews.transforms.title_ratings import rated_titles

_BRONZE = (
    "raw string, encoding string, file string, line bigint, partition string, header array<string>"
)
USUAL = {
    "show_id": "s7",
    "type": "Movie",
    "title": "A Film",
    "date_added": "March 30, 2021",
    "release_year": "2014",
    "rating": "PG-13",
    "duration": "113 min",
}


def refined(spark, dataset, records):
    """What silver would hold of these (raw, header[, partition[, encoding]]), in their order."""
    lines = []
    for number, (raw, header, *more) in enumerate(records):
        partition, encoding = [*more, *("hulu", "utf-8")[len(more) :]]
        lines.append((raw, encoding, "f.csv", number, partition, list(header)))
    bronze = spark.createDataFrame(lines, _BRONZE)
    parsed = dataset.parse(dataset.lines(bronze), dataset.fields)
    found = dataset.clean(dataset.type_lines(parsed)).orderBy("line")
    return found.toArrow().to_pylist()


def record(partition="hulu", **fields):
    """A record with these fields, its header and its partition."""
    given = USUAL | fields
    return ",".join(f'"{value}"' for value in given.values()), given, partition


def test_a_title(spark):
    given = {"cast": "Ann Lee,  Bob Ray,,Ann Lee", "country": "Spain", "listed_in": 'Pop, ""X""'}
    (row,) = refined(spark, TITLES, [record(**given)])

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


RULES = [
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
    ]  # fmt: skip


@pytest.fixture(scope="module")
def by_rule(spark):
    """What became of all records of `RULES`: one query for all of them."""
    return refined(spark, TITLES, [record(**fields) for fields, _ in RULES])


@pytest.mark.parametrize("number", range(len(RULES)))
def test_rules_of_titles(by_rule, number):
    row, (_, expected) = by_rule[number], RULES[number]

    assert row["reason"] is None
    assert {name: row[name] for name in expected} == expected


REFUSED = [
    ({"show_id": " "}, "missing_field", "show_id: absent"),
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


def test_titles_that_are_refused(spark):
    found = refined(spark, TITLES, [record(**fields) for fields, _, _ in REFUSED])

    said = [(row["reason"], row["detail"].lower()) for row in found]
    assert said == [(reason, detail.lower()) for _, reason, detail in REFUSED]
    assert all(row["raw"] for row in found)


def test_records_that_are_none(spark):
    header = ("show_id", "type", "title")
    raws = ["s1,Movie", "s1,Movie,A,b", "s1,Movie,A\r"]
    records = [*((raw, header) for raw in raws), ("czI=", header, "hulu", "base64")]

    found = refined(spark, TITLES, records)

    reasons = [row["reason"] for row in found]
    assert reasons == ["missing_field", "not_an_object", None, "not_utf8"]
    assert [row["detail"] for row in found] == [
        "2 fields; the header names 3",
        "4 fields; the header names 3",
        None,
        None,
    ]
    assert found[2]["title"] == "a"
    assert (found[3]["raw"], found[3]["encoding"]) == ("czI=", "base64")


def test_ratings(spark):
    header = ("userId", "rating", "timestamp", "movieId")
    raws = ["1,4.5,1425941529,AS680", "1,3.46713,,as1", "1,5,1425941529,as680", "1,5,5,as680"]

    found = refined(spark, TITLE_RATINGS, [(raw, header) for raw in raws])

    assert [row["reason"] for row in found] == [None] * 4
    assert [(row["user_id"], row["title_id"], row["rating"]) for row in found[:2]] == [
        ("1", "as680", 4.5),
        ("1", "as1", 3.46713),
    ]
    assert found[0]["rated_at"] == datetime.fromtimestamp(1425941529, UTC)
    assert found[1]["rated_at"] is None
    assert len({row["rating_id"] for row in found}) == 4


REFUSED_RATINGS = [
    (",4,5,as1", "missing_field"),
    ("1,,5,as1", "missing_field"),
    ("1,4,5,", "missing_field"),
    ("1,good,5,as1", "wrong_type"),
    ("1,nan,5,as1", "wrong_type"),
    ("1,4,soon,as1", "wrong_type"),
    ("1,5.5,5,as1", "out_of_range"),
    ("1,0,5,as1", "out_of_range"),
    ("1,4,-5,as1", "out_of_range"),
    ("1,4,5", "missing_field"),
]


def test_ratings_that_are_refused(spark):
    header = ("userId", "rating", "timestamp", "movieId")

    found = refined(spark, TITLE_RATINGS, [(raw, header) for raw, _ in REFUSED_RATINGS])

    assert [row["reason"] for row in found] == [reason for _, reason in REFUSED_RATINGS]


def test_user_ids_are_read_without_a_point_where_their_file_writes_all_so(spark):
    """Whatever other files and partitions are refined with it."""
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
    parsed = parse_records(spark.createDataFrame(lines, _BRONZE), title_ratings.FIELDS)
    typed = title_ratings.type_ratings(parsed).where("reason is null").orderBy("file", "line")
    found = typed.toArrow().to_pylist()

    assert [(row["file"], row["user_id"]) for row in found] == [
        ("floats.csv", "1"),
        ("floats.csv", "22"),
        ("integers.csv", "1"),
        ("mixed.csv", "1.0"),
        ("mixed.csv", "2"),
        ("texts.csv", "1.0"),
        ("texts.csv", "a.0"),
    ]
    assert found[0]["rating_id"] == found[2]["rating_id"] != found[3]["rating_id"]


def test_a_rating_in_two_files_counts_once(spark):
    ratings = spark.createDataFrame(
        [("a", "as1", 4.0), ("a", "as1", 4.0), ("b", "as1", 3.5), ("c", "as2", 1.0)],
        "rating_id string, title_id string, rating double",
    )

    found = {row["title_id"]: row for row in rated_titles(ratings).toArrow().to_pylist()}

    assert found["as1"] == {"title_id": "as1", "mean_rating": 3.75, "ratings": 2}
    assert found["as2"]["ratings"] == 1


def test_means_are_rounded_with_ties_upwards(spark):
    silver = spark.createDataFrame(
        [("as1", "f", 1, "amazon", None), ("as2", "f", 2, "amazon", None)],
        "id string, file string, line int, partition string, rescued map<string,string>",
    )
    rated = spark.createDataFrame(
        [("as1", 3.25, 4)], "title_id string, mean_rating double, ratings bigint"
    )

    found = titles.gold_titles(silver, rated).orderBy("id").toArrow().to_pylist()

    assert [(row["mean_rating_rounded"], row["ratings"]) for row in found] == [(3.3, 4), (None, 0)]
