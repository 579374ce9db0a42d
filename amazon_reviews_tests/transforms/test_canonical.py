"""Canonical fields from source fields: every conversion, on values as producers write them."""

import csv
import io
import json

import pyarrow.compute as pc
import pytest
from pyspark.sql import functions as F

from amazon_reviews.profiles.files import parse_profile
from amazon_reviews.profiles.profile import PRODUCT_FIELDS, REVIEW_FIELDS
from amazon_reviews.transforms.canonical import canonical_record
from amazon_reviews.transforms.csv_records import parse_records
from amazon_reviews.transforms.lines import parse_lines
from amazon_reviews.transforms.reviews import clean_reviews, type_reviews
from amazon_reviews_tests.transforms.frames import RECORDS, frame_of_lines, rows_by_line

BASE = """\
profile: shop
dataset: reviews
fields:
  reviewerID: user
  asin: sku
  overall: {field: stars, pattern: "([0-9.]+) out of"}
  reviewText: [text, {field: comment}]
"""
USUAL = {"user": "A1", "sku": "B1", "stars": "5", "text": "Good."}


def profile_with(*lines):
    return parse_profile((BASE + "".join(f"  {line}\n" for line in lines)).encode(), "shop.yaml")


def from_json(spark, profile, records):
    return parse_lines(frame_of_lines(spark, records), profile.source_fields)


def from_csv(spark, profile, records):
    """Parse records as those of a delimited file; values that are no texts become JSON."""
    header = list(dict.fromkeys(name for record in records for name in record))
    rows = []
    for number, record in enumerate(records, start=1):
        line = io.StringIO()
        values = [record.get(name) for name in header]
        texts = [v if isinstance(v, str) else "" if v is None else json.dumps(v) for v in values]
        csv.writer(line, lineterminator="").writerow(texts)
        rows.append((line.getvalue(), "utf-8", "f", number, "p", header))
    frame = spark.createDataFrame(rows, RECORDS)
    return parse_records(frame, profile.source_fields, strip=False)


def canonical(parsed, profile, *names, fields=REVIEW_FIELDS):
    record = canonical_record(F.col("record"), profile.fields, fields).alias("record")
    rows = rows_by_line(parsed.select(record, "line").select("record.*", "line"))
    return [tuple(row[name] for name in names) for row in rows]


def silver(parsed, profile):
    # The engine cannot sort by a column of a frame that it parses, so Python does.
    table = clean_reviews(type_reviews(parsed, profile)).toArrow()
    # Times that are out of range, of rejected records, are not times of Python.
    for name in ("reviewed_at", "reviewed_on"):
        times = pc.if_else(pc.is_null(table["reason"]), table[name], None)
        table = table.set_column(table.column_names.index(name), name, times)
    rows = table.to_pylist()
    return sorted(rows, key=lambda row: row["line"])


FORMS = pytest.mark.parametrize("parse", [from_json, from_csv], ids=["json", "csv"])


@FORMS
def test_path_takes_a_part_of_a_list_or_object(spark, parse):
    profile = profile_with(
        'vote: {field: helpful, path: "$[0]"}',
        'helpful_total: {field: helpful, path: "$[1]"}',
        "style: {field: more, path: \"$['a name'].x\"}",
    )
    values = [[3, 4], [], "nothing", {"0": 1}, None, [None, 2]]
    records = [USUAL | {"helpful": value, "more": {"a name": {"x": "y"}}} for value in values]

    rows = canonical(parse(spark, profile, records), profile, "vote", "helpful_total", "style")

    assert rows == [
        ("3", "4", "y"),
        (None, None, "y"),
        (None, None, "y"),
        (None, None, "y"),
        (None, None, "y"),
        (None, "2", "y"),
    ]


@FORMS
@pytest.mark.parametrize("separator", ["|", " of "])
def test_split_takes_a_part_or_all(spark, parse, separator):
    quoted = json.dumps(separator)
    profile = profile_with(
        f"vote: {{field: votes, split: {quoted}, part: 0}}",
        f"helpful_total: {{field: votes, split: {quoted}, part: 1}}",
        f"image: {{field: votes, split: {quoted}}}",
    )
    votes = (separator.join("78"), "7", None)
    records = [USUAL | {"votes": value} for value in votes]

    rows = canonical(parse(spark, profile, records), profile, "vote", "helpful_total", "image")

    assert rows == [("7", "8", '["7","8"]'), ("7", None, '["7"]'), (None, None, None)]


@FORMS
def test_pattern_takes_its_group_where_it_matches(spark, parse):
    profile = profile_with('marketplace: {field: place, pattern: "in ([A-Z][a-z]+)"}')
    stars = ("4.0 out of 5 stars", "4", "four", "", None)
    records = [USUAL | {"stars": text, "place": "Reviewed in France"} for text in stars]

    rows = canonical(parse(spark, profile, records), profile, "overall", "marketplace")

    # A CSV file has no other way to write nothing.
    empty = "" if parse is from_json else None
    assert [overall for overall, _ in rows] == ["4.0", "4", "four", empty, None]
    assert {place for _, place in rows} == {"France"}


@FORMS
def test_words_become_true_and_false(spark, parse):
    profile = profile_with("verified: {field: bought, true: [Oui, gekauft], false: NON}")
    words = ["oui", " OUI ", "Gekauft", "non", "yes", "0", "perhaps", None]
    records = [USUAL | {"bought": word, "user": str(i)} for i, word in enumerate(words)]

    rows = silver(parse(spark, profile, records), profile)

    assert [row["verified"] for row in rows[:6]] == [True, True, True, False, True, False]
    assert [(row["reason"], row["detail"]) for row in rows[6:]] == [
        ("wrong_type", "bought: perhaps"),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [
        ("seconds", 1_472_688_000, "2016-09-01T00:00:00+00:00"),
        ("seconds", "1472688000.5", "2016-09-01T00:00:00.500000+00:00"),
        ("milliseconds", 1_472_688_000_123, "2016-09-01T00:00:00.123000+00:00"),
        ("seconds or milliseconds", 1_472_688_000, "2016-09-01T00:00:00+00:00"),
        ("seconds or milliseconds", 1_472_688_000_123, "2016-09-01T00:00:00.123000+00:00"),
        ("seconds or milliseconds", "1.52309e+12", "2018-04-07T08:33:20+00:00"),
        ("seconds", 1_472_688_000_123, "out_of_range"),
        ("milliseconds", 1_472_688_000, "out_of_range"),
        ("seconds or milliseconds", "NaN", "out_of_range"),
        ("seconds or milliseconds", "-1e300", "out_of_range"),
        ("seconds", "yesterday", "wrong_type"),
    ],
)
def test_unit_of_a_time(spark, unit, value, written):
    profile = profile_with(f"unixReviewTime: {{field: time, unit: {unit}}}")

    (row,) = silver(from_json(spark, profile, [USUAL | {"time": value}]), profile)

    assert (row["reason"] or row["reviewed_at"].isoformat()) == written


@FORMS
@pytest.mark.parametrize(
    ("order", "days"),
    [
        ("day month year", ["2023-04-03", None, "2023-12-31"]),
        ("month day year", ["2023-03-04", "2023-12-31", None]),
        ("year month day", [None, None, None]),
    ],
)
def test_order_of_dates_of_numbers(spark, parse, order, days):
    profile = profile_with(f"reviewTime: {{field: day, order: {order}}}")
    texts = ["03/04/2023", "12-31-2023", "31.12.2023", "2023-04-03", "1 July 2022"]
    records = [USUAL | {"day": text} for text in texts]

    rows = silver(parse(spark, profile, records), profile)

    dates = [row["reviewed_on"] and row["reviewed_on"].isoformat() for row in rows]
    assert dates == [*days, "2023-04-03", "2022-07-01"]
    rejected = ["wrong_type" if day is None else None for day in days]
    assert [row["reason"] for row in rows] == [*rejected, None, None]


@FORMS
def test_forms_make_lists_and_ranks(spark, parse):
    text = (
        "profile: shop\ndataset: products\nfields:\n  asin: sku\n"
        "  imageURL: {field: photo, form: list}\n  rank: {field: ranks, form: ranks}\n"
    )
    profile = parse_profile(text.encode(), "shop.yaml")
    records = [
        {"sku": "B1", "photo": "a.jpg", "ranks": {"Music": 1234}},
        {"sku": "B1", "photo": ["a.jpg", "b.jpg"], "ranks": "5 in Toys"},
        {"sku": "B1", "photo": None, "ranks": None},
        {"sku": "B1", "photo": 'a "b".jpg', "ranks": {}},
    ]

    rows = canonical(
        parse(spark, profile, records), profile, "imageURL", "rank", fields=PRODUCT_FIELDS
    )

    lists = [None if images is None else json.loads(images) for images, _ in rows]
    assert lists == [["a.jpg"], ["a.jpg", "b.jpg"], None, ['a "b".jpg']]
    assert [rank for _, rank in rows] == ["1234 in Music", "5 in Toys", None, None]


@FORMS
def test_the_first_filled_field_and_a_constant_are_taken(spark, parse):
    profile = profile_with("marketplace: [country, {constant: unknown}]")
    records = [
        USUAL | {"country": "FR", "comment": "Other."},
        USUAL | {"country": " ", "text": "", "comment": "Other."},
        USUAL | {"text": None, "comment": None},
    ]

    rows = canonical(parse(spark, profile, records), profile, "marketplace", "reviewText")

    assert rows == [("FR", "Good."), ("unknown", "Other."), ("unknown", None)]


NAMES = ["a b", "a.b", "a`b", "a'b", 'a"b', "a\\b", "ä", "😀", "$a", "a:b", "a,b", "`", "x" * 300]


@FORMS
@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_field_is_read(spark, parse, name):
    profile = profile_with(f"vote: {json.dumps(name, ensure_ascii=False)}")
    records = [USUAL | {name: "3", "other": "x"}, USUAL]

    rows = silver(parse(spark, profile, records), profile)

    assert [row["vote"] for row in rows] == [3, None]
    assert [dict(row["rescued"] or ()) for row in rows] == [{"other": "x"}, {}]
