"""An independent reader of samples: it shares no code with the generator."""

import csv
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

REVIEW_KEYS = {
    *("image", "overall", "vote", "verified", "reviewTime", "reviewerID", "asin", "style"),
    *("reviewerName", "reviewText", "summary", "unixReviewTime"),
}
Record = dict[str, Any]


def partitions(folder: Path) -> list[Path]:
    """Return the partition folders in the order of their numbers."""
    return sorted(folder.iterdir(), key=lambda path: int(path.name.removeprefix("partition_")))


def partition_lines(partition: Path) -> list[bytes]:
    """Return the lines of all part files, without blank ones."""
    lines: list[bytes] = []
    for file in sorted(partition.iterdir()):
        content = file.read_bytes()
        content = gzip.decompress(content) if file.suffix == ".gz" else content
        lines += [line for line in content.split(b"\n") if line.strip()]
    return lines


def event_lines(sample: Path) -> list[bytes]:
    """Return the event bodies of a sample."""
    return (sample / "events" / "events.jsonl").read_bytes().split(b"\n")[:-1]


def csv_rows(file: Path) -> list[dict[str, str]]:
    """Return the records of a compressed CSV file."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def review_rejection(line: bytes) -> str | None:
    """Return the reason to reject a line of reviews, if any."""
    record, reason = _parse(line)
    if reason:
        return reason
    texts = [record.get("reviewText"), record.get("summary")]
    if None in (record.get("reviewerID"), record.get("asin"), record.get("overall")):
        return "missing_field"
    if texts == [None, None]:
        return "missing_field"
    strings = [record["reviewerID"], record["asin"], *(text for text in texts if text is not None)]
    if not all(isinstance(value, str) for value in strings):
        return "wrong_type"
    try:
        stars = float(record["overall"])
    except ValueError:
        return "wrong_type"
    return None if 0 <= stars <= 5 else "out_of_range"


def product_rejection(line: bytes) -> str | None:
    """Return the reason to reject a line of metadata, if any."""
    product, reason = _parse(line)
    if reason:
        return reason
    if product.get("asin") is None:
        return "missing_field"
    return None if isinstance(product["asin"], str) else "wrong_type"


def _parse(line: bytes) -> tuple[Record, str | None]:
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return {}, "not_utf8"
    except ValueError:
        return {}, "not_json"
    return (record, None) if isinstance(record, dict) else ({}, "not_an_object")


def valid_products(sample: Path) -> list[Record]:
    """Return the valid rows of the metadata, in order."""
    return [
        json.loads(line)
        for partition in partitions(sample / "amazon_metadata")
        for line in partition_lines(partition)
        if not product_rejection(line)
    ]


def identity(review: Record) -> tuple[Hashable, ...]:
    """Return the values that identify a review."""
    stars = Decimal(str(review["overall"])).quantize(Decimal("0.1"))
    texts = (review.get("reviewText"), review.get("summary"))
    return review["reviewerID"], review["asin"], stars, *texts


def count_reviews(lines: Iterable[bytes]) -> tuple[dict[str, Any], set[Hashable]]:
    """Return counts as in the truth, and the identities of the valid reviews."""
    return _count(lines, review_rejection, lambda line: identity(json.loads(line)))


def count_products(lines: Iterable[bytes]) -> tuple[dict[str, Any], set[bytes]]:
    """Return counts as in the truth, and the distinct valid lines."""
    return _count(lines, product_rejection, lambda line: line)


def _count(
    lines: Iterable[bytes],
    rejection: Callable[[bytes], str | None],
    key: Callable[[bytes], Any],
) -> tuple[dict[str, Any], set[Any]]:
    reasons = [(line, rejection(line)) for line in lines]
    rejected = Counter(reason for _, reason in reasons if reason)
    keys = [key(line) for line, reason in reasons if not reason]
    counts = {
        "lines": len(reasons),
        "distinct": len(set(keys)),
        "duplicates_within": len(keys) - len(set(keys)),
        "rejected": dict(rejected),
    }
    return counts, set(keys)


def digest(folder: Path) -> dict[str, str]:
    """Return the hash of each file below a folder, by path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
