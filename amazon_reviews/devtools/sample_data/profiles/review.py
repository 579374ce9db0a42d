"""A review as the profiles encode it."""

from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from amazon_reviews.devtools.sample_data.variants import COLUMNS

DAY_SECONDS = 86_400
_KNOWN = frozenset(COLUMNS)


class Review(NamedTuple):
    """A review, equal for both variants of amazon_2018 and for duplicates.

    Attributes:
        reviewer: The reviewerID.
        asin: The product.
        stars: 0 to 5.
        text: The reviewText, None if omitted.
        summary: The summary, None if omitted; text or summary is present.
        name: The reviewerName, empty if omitted.
        votes: Helpful votes, 0 if omitted.
        verified: True for a verified purchase.
        seconds: The unixReviewTime, the beginning of a day.
        images: Addresses of images.
        unknown: Fields that are not in the schema.
        salt: 64 bits that depend on reviewer, product and text, for fields that amazon_2018 lacks.
    """

    reviewer: str
    asin: str
    stars: float
    text: str | None
    summary: str | None
    name: str
    votes: int
    verified: bool
    seconds: int
    images: list[str]
    unknown: dict[str, Any]
    salt: int

    @property
    def total_votes(self) -> int:
        """Helpful votes and others."""
        return self.votes + self.salt % 4

    @property
    def millisecond(self) -> int:
        """The time in milliseconds since 1970, within the day of the review."""
        return self.seconds * 1000 + self.salt % (DAY_SECONDS * 1000)

    @property
    def day(self) -> str:
        """The day of the review: YYYY-MM-DD."""
        return _day(self.seconds)

    @property
    def clock(self) -> str:
        """The time in the day of the review: HH:MM:SS."""
        minutes, second = divmod(self.millisecond // 1000 - self.seconds, 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"


def parse_review(line: str) -> Review:
    """Parse a valid line of amazon_2018, in one of the variants."""
    row = orjson.loads(line)
    reviewer, asin, text = row["reviewerID"], row["asin"], row.get("reviewText")
    words = f"{reviewer}/{asin}/{text}".encode()
    images = row.get("image", [])
    return Review(
        reviewer,
        asin,
        float(row["overall"]),
        text,
        row.get("summary"),
        row.get("reviewerName", ""),
        int(float(str(row["vote"]).replace(",", ""))) if "vote" in row else 0,
        row["verified"] in (True, "true"),
        row["unixReviewTime"],
        orjson.loads(images) if isinstance(images, str) else images,
        {} if _KNOWN.issuperset(row) else {key: row[key] for key in row.keys() - _KNOWN},
        int.from_bytes(blake2b(words, digest_size=8).digest()),
    )


@cache
def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
