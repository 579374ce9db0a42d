"""Typed and cleaned reviews: source fields beside the expected columns of silver."""

import hashlib
import html
from datetime import date
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from amazon_reviews.transforms.html import clean_text
from amazon_reviews.transforms.lines import parse_lines, repeated_lines
from amazon_reviews.transforms.reviews import FIELDS, clean_reviews, normalize, type_reviews
from amazon_reviews_tests.helpers import review
from amazon_reviews_tests.transforms.frames import frame_of_lines, rows_by_line

# By case: fields of a review as the source writes them, and expected columns of silver/reviews.
ACCEPTED = {
    "usual": (
        {},
        {
            "reviewer_id": "A2OCDK0BOW6UCY",
            "asin": "B0007RAE7A",
            "overall": Decimal("5.0"),
            "unrated": False,
            "sentiment": "positive",
            "review_text": "It works well.",
            "summary": "Good",
            "verified": True,
            "vote": None,
            "style": None,
            "image_count": 0,
            "reviewed_on": date(2016, 9, 1),
            "word_count": 3,
            "char_count": 14,
            "reviewer_name": None,
            "rescued": None,
        },
    ),
    "event's own types": (
        {"overall": "4.0", "verified": "true", "vote": "3", "image": '["a", "b"]'},
        {"overall": Decimal("4.0"), "verified": True, "vote": 3, "image_count": 2},
    ),
    "not verified": ({"verified": False}, {"verified": False}),
    "verified in capitals": ({"verified": "False"}, {"verified": False}),
    "verified absent": ({"verified": ...}, {"verified": None}),
    "no stars": ({"overall": 0}, {"overall": None, "unrated": True, "sentiment": None}),
    "no stars as text": ({"overall": "0.0"}, {"overall": None, "unrated": True, "sentiment": None}),
    "one star": ({"overall": 1}, {"overall": Decimal("1.0"), "sentiment": "negative"}),
    "two stars": ({"overall": 2.0}, {"overall": Decimal("2.0"), "sentiment": "negative"}),
    "three stars": ({"overall": "3"}, {"overall": Decimal("3.0"), "sentiment": "neutral"}),
    "four stars": ({"overall": 4}, {"overall": Decimal("4.0"), "sentiment": "positive"}),
    "half stars": ({"overall": 3.5}, {"overall": Decimal("3.5"), "sentiment": "positive"}),
    "vote with a comma": ({"vote": "1,341"}, {"vote": 1341}),
    "vote with a decimal": ({"vote": 2.0}, {"vote": 2}),
    "vote a number": ({"vote": 7}, {"vote": 7}),
    "vote null": ({"vote": None}, {"vote": None}),
    "vote empty": ({"vote": ""}, {"vote": None}),
    "vote zero": ({"vote": "0"}, {"vote": 0}),
    "style": (
        {"style": {"Size:": " Large", "Color:": " Blue / Grey"}},
        {"style": [("Size", "Large"), ("Color", "Blue / Grey")]},
    ),
    "style as text": (
        {"style": '{"Size:":" Large","Color Name:":" Red"}'},
        {"style": [("Size", "Large"), ("Color Name", "Red")]},
    ),
    "style without colons": ({"style": {"Size": "L"}}, {"style": [("Size", "L")]}),
    "style with a colon in its value": (
        {"style": {"Format:": " Kindle: 2nd"}},
        {"style": [("Format", "Kindle: 2nd")]},
    ),
    "style with values that are no texts": (
        {"style": {"A:": None, "B:": ["L"], "C:": 5, "D:": {"E:": " x"}, "F:": True}},
        {"style": [("A", None), ("B", '["L"]'), ("C", "5"), ("D", '{"E":"x"}'), ("F", "true")]},
    ),
    "style as text with a null": ({"style": '{"Size:" : null}'}, {"style": [("Size", None)]}),
    "style empty": ({"style": {}}, {"style": None}),
    "style null": ({"style": None}, {"style": None}),
    "images": ({"image": ["a", "b", "c"]}, {"image_count": 3}),
    "no images": ({"image": []}, {"image_count": 0}),
    "images null": ({"image": None}, {"image_count": 0}),
    "last second of a day": ({"unixReviewTime": 1_472_774_399}, {"reviewed_on": date(2016, 9, 1)}),
    "first second of a day": ({"unixReviewTime": 1_472_774_400}, {"reviewed_on": date(2016, 9, 2)}),
    "time as text": ({"unixReviewTime": "1472688000"}, {"reviewed_on": date(2016, 9, 1)}),
    "the first second taken": ({"unixReviewTime": 788_918_400}, {"reviewed_on": date(1995, 1, 1)}),
    "time in words": (
        {"unixReviewTime": ..., "reviewTime": "09 1, 2016"},
        {"reviewed_on": date(2016, 9, 1)},
    ),
    "both times": (
        {"unixReviewTime": 1_472_688_000, "reviewTime": "01 2, 2003"},
        {"reviewed_on": date(2016, 9, 1)},
    ),
    "two digits for the day": (
        {"unixReviewTime": None, "reviewTime": "12 31, 1999"},
        {"reviewed_on": date(1999, 12, 31)},
    ),
    "time in words that cannot be read beside seconds": (
        {"reviewTime": "soon", "helpful": 1},
        {"reviewed_on": date(2016, 9, 1), "rescued": [("helpful", "1"), ("reviewTime", "soon")]},
    ),
    "time in words of no day beside seconds": (
        {"reviewTime": "02 30, 2016"},
        {"reviewed_on": date(2016, 9, 1), "rescued": [("reviewTime", "02 30, 2016")]},
    ),
    "time in words blank": ({"unixReviewTime": ..., "reviewTime": " "}, {"reviewed_on": None}),
    **{
        f"time in words {written}": (
            {"unixReviewTime": ..., "reviewTime": written},
            {"reviewed_on": date(2016, 9, 1), "rescued": None},
        )
        for written in (
            *("2016-09-01", "2016-09-01T05:10:00Z", "2016-09-01 05:10:00.123", "2016-09-01 05:10"),
            *("2016-08-31T23:30:00-05:00", "9 1,2016", "September 1, 2016", "Sept. 1, 2016"),
            *("Sep 1 2016", "sep. 1,2016", "1 September 2016", "01 Sep, 2016", "SEPT 01, 2016"),
        )
    },
    "no time": ({"unixReviewTime": ...}, {"reviewed_on": None}),
    "text absent": (
        {"reviewText": ..., "summary": "Two words"},
        {"review_text": "Two words", "summary": "Two words", "word_count": 2, "char_count": 9},
    ),
    "text null": ({"reviewText": None}, {"review_text": "Good"}),
    "text empty": ({"reviewText": ""}, {"review_text": "Good"}),
    "text of tags only": ({"reviewText": "<br /> <b></b>"}, {"review_text": "Good"}),
    "summary absent": (
        {"summary": ..., "reviewText": "Fine."},
        {"summary": None, "review_text": "Fine."},
    ),
    "both empty": (
        {"summary": "", "reviewText": ""},
        {"review_text": "", "word_count": 0, "char_count": 0},
    ),
    "tags and entities": (
        {"reviewText": "It&#39;s <b>not</b> bad,<br />really! &lt;3 &amp;amp; 5 < 6"},
        {"review_text": "It's not bad, really! <3 & 5 < 6"},
    ),
    "white space": (
        {"reviewText": "  two\n\n\tlines\u00a0here  "},
        {"review_text": "two lines here", "word_count": 3, "char_count": 14},
    ),
    "words of any script": (
        {"reviewText": "Très bien 👍 漢字"},
        {"review_text": "Très bien 👍 漢字", "word_count": 4, "char_count": 14},
    ),
    "summary cleaned": (
        {"summary": "Tom &amp; Jerry<br>"},
        {"summary": "Tom & Jerry"},
    ),
    "ids trimmed": (
        {"reviewerID": " A1 ", "asin": " B1\u0020"},
        {"reviewer_id": "A1", "asin": "B1"},
    ),
    "name": ({"reviewerName": " Amazon Customer "}, {"reviewer_name": "Amazon Customer"}),
    "name with entities": ({"reviewerName": "Tom &amp; Co"}, {"reviewer_name": "Tom & Co"}),
    "name escaped twice": (
        {"reviewerName": "Ann &amp;quot;A.&amp;quot; <b>Lee</b>"},
        {"reviewer_name": 'Ann "A." Lee'},
    ),
    "digits for an id": ({"asin": 12345}, {"asin": "12345"}),
    "text with brackets": (
        {"reviewText": "[sic] it works"},
        {"review_text": "[sic] it works"},
    ),
    "text with braces": (
        {"reviewText": '{"asin": ["a"]}'},
        {"review_text": '{"asin": ["a"]}'},
    ),
    "name with control characters": (
        {"reviewerName": "\x1b[2JBob\x00\u202ecod.exe\u2069 \x9b "},
        {"reviewer_name": "[2JBob cod.exe"},
    ),
    "style with control characters": (
        {"style": {"Si\x00ze:": " L\x1b", "Color\u202d": None, "Cut": "x\ty"}},
        {"style": [("Si ze", "L"), ("Color", None), ("Cut", "x y")]},
    ),
    "unknown field with control characters": (
        {"he\x07lpful": "\u2066 a \x85 b", "other": "\t", "third": None},
        {"rescued": [("he lpful", "a b"), ("other", ""), ("third", None)]},
    ),
    "unknown field": ({"helpful": [1, 2]}, {"rescued": [("helpful", "[1,2]")]}),
}


@pytest.fixture(scope="module")
def silver(spark):
    """The accepted cases as rows of silver, by case."""
    rows = rows_by_line(silver_reviews(spark, [fields for fields, _ in ACCEPTED.values()]))
    assert [(row["reason"], row["detail"]) for row in rows] == [(None, None)] * len(ACCEPTED)
    return dict(zip(ACCEPTED, rows, strict=True))


def silver_reviews(spark, fields_of_reviews):
    """Return reviews with these fields as a DataFrame in the columns of silver."""
    lines = frame_of_lines(spark, [review(**fields) for fields in fields_of_reviews])
    return clean_reviews(type_reviews(parse_lines(lines, FIELDS)))


@pytest.mark.parametrize("case", ACCEPTED)
def test_source_fields_become_typed_columns(silver, case):
    _, expected = ACCEPTED[case]

    assert {name: silver[case][name] for name in expected} == expected


def expected_review_id(reviewer, asin, stars, text, summary):
    """Return the hash of the contract, computed without the engine."""
    values = (reviewer, asin, stars, text, summary)
    joined = "".join("-" if value is None else f"{len(value)}:{value}" for value in values)
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("usual", ("A2OCDK0BOW6UCY", "B0007RAE7A", "5.0", "It works well.", "Good")),
        ("event's own types", ("A2OCDK0BOW6UCY", "B0007RAE7A", "4.0", "It works well.", "Good")),
        ("four stars", ("A2OCDK0BOW6UCY", "B0007RAE7A", "4.0", "It works well.", "Good")),
        ("no stars", ("A2OCDK0BOW6UCY", "B0007RAE7A", "0.0", "It works well.", "Good")),
        ("text absent", ("A2OCDK0BOW6UCY", "B0007RAE7A", "5.0", None, "Two words")),
        ("text empty", ("A2OCDK0BOW6UCY", "B0007RAE7A", "5.0", "", "Good")),
        ("ids trimmed", (" A1 ", " B1 ", "5.0", "It works well.", "Good")),
        (
            "words of any script",
            ("A2OCDK0BOW6UCY", "B0007RAE7A", "5.0", "Très bien 👍 漢字", "Good"),
        ),
    ],
)
def test_review_id_is_a_hash_of_raw_values(silver, case, expected):
    assert silver[case]["review_id"] == expected_review_id(*expected)


SAME_REVIEWS = [
    [{"overall": 5}, {"overall": 5.0}, {"overall": "5.0"}, {"overall": "5"}],
    [{"vote": "1"}, {"vote": "2"}, {"verified": False}, {"unixReviewTime": ...}],
    [{"reviewText": "a\u00e9"}, {"reviewText": "a\u00e9", "style": {"Size:": " L"}}],
]
DIFFERENT_REVIEWS = [
    {"reviewText": None},
    {"reviewText": ""},
    {"reviewText": "-"},
    {"reviewText": "a b"},
    {"reviewText": "a  b"},
    {"reviewText": "a b "},
    {"reviewText": "a<br>b"},
    {"reviewText": "&amp;"},
    {"reviewText": "&"},
    {"reviewText": "ab", "summary": "c"},
    {"reviewText": "a", "summary": "bc"},
    {"reviewText": "3:abc", "summary": ""},
    {"reviewText": "3:ab", "summary": "c"},
    {"reviewText": None, "summary": "a"},
    {"reviewText": "a", "summary": None},
    {"reviewText": "e\u0301"},
    {"reviewText": "\u00e9"},
    {"overall": 4},
    {"overall": 4.5},
    {"asin": "B1"},
    {"asin": "b1"},
    {"asin": "B1 "},
    {"reviewerID": "B1"},
]


@pytest.mark.parametrize("reviews", SAME_REVIEWS)
def test_forms_of_the_same_review_are_duplicates(spark, reviews):
    rows = silver_reviews(spark, reviews)

    assert len({row["review_id"] for row in rows_by_line(rows)}) == 1
    repeated = rows_by_line(repeated_lines(rows, "review_id"))
    assert [row["line"] for row in repeated] == list(range(2, len(reviews) + 1))


def test_reviews_that_differ_in_any_part_of_the_unique_key_are_no_duplicates(spark):
    rows = silver_reviews(spark, DIFFERENT_REVIEWS)

    assert len({row["review_id"] for row in rows_by_line(rows)}) == len(DIFFERENT_REVIEWS)
    assert repeated_lines(rows, "review_id").count() == 0


NORMALIZED = [
    ("Don't STOP, believing!", "dont stop believing"),
    ("it\u2019s 5 stars", "its stars"),
    ("see https://a.b/c?d=e#f, now", "see now"),
    ("www.example.org is down", "is down"),
    ("http is a word", "http is a word"),
    ("Très BIEN 漢字 Größe", "très bien 漢字 größe"),
    ("one -- two...three/four", "one two three four"),
    (" 123 ", ""),
    ("👍👍 great 👍", "great"),
    ("", ""),
    (None, None),
    ("a\u00a0b", "a b"),
]


def test_normalized_text_keeps_words_only(spark):
    table = spark.createDataFrame(
        [(number, text) for number, (text, _) in enumerate(NORMALIZED)], "n int, text string"
    )

    rows = table.select("n", normalize(clean_text(F.col("text"))).alias("text")).collect()

    assert [text for _, text in sorted(rows)] == [expected for _, expected in NORMALIZED]


def test_cleaning_keeps_every_word_and_sign_of_text_without_markup(spark):
    texts = [
        "Great product!!! 10/10 -- would buy again; 'really' \"good\" (yes) #1 @home 50% $5.",
        "I <3 this, 4 > 3 & 2 < 5... ok?",
        "AT&T; R&D; &c.",
        html.unescape("caf&eacute; &#128077; &hearts;"),
    ]
    table = spark.createDataFrame([(text,) for text in texts], "text string")

    rows = table.select(clean_text(F.col("text")).alias("text")).collect()

    assert [row.text for row in rows] == texts
