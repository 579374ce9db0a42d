"""Rejected lines: reasons and details of the rules for reviews and products."""

import base64
import json

import pytest

from amazon_reviews.transforms import product_lines, reviews
from amazon_reviews.transforms.lines import parse_lines
from amazon_reviews_tests.helpers import product, review
from amazon_reviews_tests.transforms.frames import LINES, frame_of_lines, rows_by_line
from amazon_reviews_tests.transforms.rejected_lines import REJECTED, REJECTED_REVIEWS

TYPED = {
    "reviews": (reviews.type_reviews, reviews.FIELDS),
    "products": (product_lines.type_products, product_lines.FIELDS),
}


def as_bronze(line):
    """Return raw and encoding of a line in bronze."""
    if isinstance(line, bytes):
        return base64.b64encode(line).decode(), "base64"
    return line if isinstance(line, str) else json.dumps(line), "utf-8"


def typed_rows(frame, table):
    type_lines, fields = TYPED[table]
    return rows_by_line(type_lines(parse_lines(frame, fields)))


@pytest.fixture(scope="module")
def rejected(spark):
    """The rejected lines by table and case: one query for each table."""
    rows = {}
    for table, cases in REJECTED.items():
        lines = [
            (*as_bronze(line), "f", number, "p") for number, (line, _) in enumerate(cases.values())
        ]
        typed = typed_rows(spark.createDataFrame(lines, LINES), table)
        rows |= {(table, case): row for case, row in zip(cases, typed, strict=True)}
    return rows


@pytest.mark.parametrize(
    ("table", "case"), [(table, case) for table, cases in REJECTED.items() for case in cases]
)
def test_unusable_line_has_its_reason_and_stays_unchanged(rejected, table, case):
    line, reason = REJECTED[table][case]
    row = rejected[table, case]

    assert row["reason"] == reason
    raw, encoding = as_bronze(line)
    kept = raw[: 64 * 1024] if reason == "too_large" else raw
    assert (row["raw"], row["encoding"]) == (kept, encoding)


@pytest.mark.parametrize(
    ("case", "detail"),
    [
        ("stars in words", "overall: five"),
        ("six stars", "overall: 6"),
        ("reviewer null", "reviewerID: absent"),
        ("vote a fraction", "vote: 1.5"),
        ("milliseconds", "unixReviewTime: 1472688000000"),
        ("a day too late", "reviewTime: 2100-01-01"),
        ("no such day", "reviewTime: 02 30, 2016"),
        ("reviewer with an escape", "reviewerID: U+001B in A [31m1"),
        ("reviewer with a line end", "reviewerID: U+000A in A1"),
        ("product that turns the direction", "asin: U+202E in B 1"),
        ("number", None),
    ],
)
def test_detail_names_field_and_value(rejected, case, detail):
    assert rejected["reviews", case]["detail"] == detail
    assert case in REJECTED_REVIEWS


@pytest.mark.parametrize(("table", "line"), [("reviews", review()), ("products", product())])
def test_usable_line_is_not_rejected(spark, table, line):
    (row,) = typed_rows(frame_of_lines(spark, [line]), table)

    assert (row["raw"], row["reason"], row["detail"]) == (None, None, None)
