"""Plain readers of the files of each profile, with the standard library and no code of the package.

A reader returns reviews with canonical fields, or the reason to reject a record.
"""

import ast
import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Record = dict[str, Any]
FIELDS = {
    "amazon_2014": ("reviewerID", "asin", "overall", "reviewText", "summary", "unixReviewTime"),
    "amazon_2023": ("user_id", "asin", "rating", "text", "title", "timestamp"),
    "aws_customer_reviews": (
        *("customer_id", "product_id", "star_rating"),
        *("review_body", "review_headline", "review_date"),
    ),
    "fine_food": ("UserId", "ProductId", "Score", "Text", "Summary", "Time"),
    "fine_food_snap": (
        *("review/userId", "product/productId", "review/score"),
        *("review/text", "review/summary", "review/time"),
    ),
    "marc": ("reviewer_id", "product_id", "stars", "review_body", "review_title", ""),
    "datafiniti": (
        *("reviews.username", "asins", "reviews.rating"),
        *("reviews.text", "reviews.title", "reviews.date"),
    ),
    "yelp": ("user_id", "business_id", "stars", "text", "", "date"),
}


def files_of(partition: Path) -> list[bytes]:
    """Return the contents of the files of a partition, in the order of their names."""
    contents = [path.read_bytes() for path in sorted(partition.iterdir())]
    return [gzip.decompress(text) if text[:2] == b"\x1f\x8b" else text for text in contents]


def read_reviews(profile: str, partition: Path) -> list[Record | str]:
    """Return the records of a partition: canonical fields, or a rejection reason."""
    raw = [record for content in files_of(partition) for record in _RAW[profile](content)]
    return [record if isinstance(record, str) else _review(profile, record) for record in raw]


def field_names(profile: str, partition: Path) -> list[str]:
    """Return the names of the fields of the first record of a partition, in order."""
    return list(next(_RAW[profile](files_of(partition)[0])))


def read_products(profile: str, partition: Path) -> list[Record | str]:
    """Return the products of a partition, or the reasons to reject them."""
    key = "parent_asin" if profile == "amazon_2023" else "asin"
    parse = ast.literal_eval if profile == "amazon_2014" else json.loads
    raw = [record for content in files_of(partition) for record in _lines(content, parse)]
    return [record if isinstance(record, str) else _product(record, key) for record in raw]


def _product(record: Record, key: str) -> Record | str:
    if record.get(key) is None:
        return "missing_field"
    return record if isinstance(record[key], str) else "wrong_type"


def _lines(content: bytes, parse: Callable[[str], Any] = json.loads) -> Iterator[Record | str]:
    for line in filter(bytes.strip, content.split(b"\n")):
        try:
            record = parse(line.decode("utf-8"))
        except UnicodeDecodeError:
            yield "not_utf8"
        except (ValueError, SyntaxError):
            yield "not_json"
        else:
            yield record if isinstance(record, dict) else "not_an_object"


def _table(content: bytes, **dialect: Any) -> Iterator[Record | str]:
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    rows = csv.reader(io.StringIO(text, newline=""), **dialect)
    header = next(rows)
    for row in filter(None, rows):
        if re.search("[\udc80-\udcff]", "".join(row)):
            yield "not_utf8"
        elif len(row) != len(header):
            yield "missing_field" if len(row) < len(header) else "not_an_object"
        else:
            yield {name: text or None for name, text in zip(header, row, strict=True)}


def _tabs(content: bytes) -> Iterator[Record | str]:
    return _table(content, delimiter="\t", quoting=csv.QUOTE_NONE)


def _paragraphs(content: bytes) -> Iterator[Record | str]:
    for paragraph in filter(bytes.strip, content.split(b"\n\n")):
        try:
            lines = paragraph.decode("utf-8").strip().split("\n")
        except UnicodeDecodeError:
            yield "not_utf8"
        else:
            yield dict(line.split(": ", 1) for line in lines)


_RAW: dict[str, Callable[[bytes], Iterator[Record | str]]] = {
    "amazon_2014": _lines,
    "amazon_2023": _lines,
    "aws_customer_reviews": _tabs,
    "fine_food": _table,
    "fine_food_snap": _paragraphs,
    "marc": _lines,
    "datafiniti": _table,
    "yelp": _lines,
}


def _review(profile: str, record: Record) -> Record | str:
    values: list[Any] = [record.get(key) for key in FIELDS[profile]]
    reviewer, product, stars, text, summary, time = values
    if None in (reviewer, product, stars) or text is summary is None:
        return "missing_field"
    texts = [value for value in (reviewer, product, text, summary) if value is not None]
    try:
        rating, day = float(stars), _day(profile, time)
    except (TypeError, ValueError):
        return "wrong_type"
    if not all(isinstance(value, str) for value in texts):
        return "wrong_type"
    if not (rating == 0 or 1 <= rating <= 5) or (day and not "1995" <= day < "2100"):
        return "out_of_range"
    return {
        "reviewer": reviewer,
        "asin": product.split(",")[0],
        "product": record.get("parent_asin", product.split(",")[0]),
        "stars": rating,
        "text": text,
        "summary": summary,
        "day": day,
        "record": record,
    }


def _day(profile: str, time: Any) -> str | None:
    """Return YYYY-MM-DD; a ValueError for a time that is none of the profile."""
    if time is None:
        return None
    if profile in ("aws_customer_reviews", "datafiniti", "yelp"):
        return f"{datetime.fromisoformat(time.replace('Z', '+00:00')):%Y-%m-%d}"
    seconds = float(time) / (1000 if profile == "amazon_2023" else 1)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
