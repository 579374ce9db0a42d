"""The partial aggregates: what the marts add up, for each partition of the reviews apart.

The marts of their rows are built with them (`pipeline/partials.py`). A partial aggregate is built
again for the partitions that changed, so an update of a mart costs what is new. It is made by the
function of its name in `transforms/marts/partials.py`.
"""

import pyarrow as pa

from amazon_reviews.schemas.table import STARS, Column, Table

_COUNT = pa.int64()
_SUM = pa.decimal128(38, 0)
_TALLIES = (
    Column("reviews", _COUNT, "reviews"),
    Column("rated", _COUNT, "reviews with 1 to 5 stars"),
    Column("star_tenths", _COUNT, "ten times the sum of the stars"),
    Column("positive", _COUNT, "reviews above 3 stars"),
    Column("neutral", _COUNT, "reviews of 3 stars"),
    Column("negative", _COUNT, "reviews below 3 stars"),
)
_PARTITION = Column(
    "partition",
    pa.string(),
    "landing partition, or segment of the stream; /merged for the sum of many of them",
)
_ASIN = Column("asin", pa.string(), "product number")
_BRAND = Column("brand", pa.string(), "brand of the product")
_MAIN_CATEGORY = Column("main_category", pa.string(), "main category; Unknown without one")
_SUMMARY = Column("summary", pa.string(), "headline of the reviews", "text")
_REVIEWER = Column("reviewer_id", pa.string(), "who wrote the reviews", "id")
_YEAR = Column("year", pa.int32(), "year of the review")
_MONTH = Column("month", pa.int32(), "month of the review, 1 to 12")
_SOURCE = Column("source", pa.string(), "batch or stream")
_DIMENSIONS = (
    _YEAR,
    _MAIN_CATEGORY,
    Column("stars", STARS, "stars from 1 to 5; null for unrated reviews"),
    Column("verified", pa.bool_(), "the purchase was verified"),
    _SOURCE,
    _MONTH,
)
_DAYS = (
    Column("first_on", pa.date32(), "day of the first review"),
    Column("last_on", pa.date32(), "day of the newest review"),
)
_REVIEWS = _TALLIES[0]


MERGED = "/merged"
"""The partition with the sum of many partitions; the name of no landing partition has a slash."""

_LEAST, _MOST = ("first_on", "fewest_tenths"), ("last_on", "most_tenths")


def merging(table: Table) -> tuple[list[str], dict[str, str]]:
    """Return the key columns of a partial aggregate, and sum, min or max for each other one."""
    measures = {
        column.name: "min" if column.name in _LEAST else "max" if column.name in _MOST else "sum"
        for column in table.columns
        if column.name in (*_LEAST, *_MOST)
        or (column.type in (_COUNT, _SUM) and column.name != "reviewer")
    }
    return [n for n in table.names if n not in measures and n != "partition"], measures


def _partial(
    name: str,
    of: str,
    columns: tuple[Column, ...],
    inputs: tuple[str, ...] = ("gold/reviews",),
    code_version: str = "1",
) -> Table:
    return Table(
        f"partials/{name}",
        f"One row per partition{of}.",
        (*columns, _PARTITION),
        ("partition",),
        inputs=inputs,
        code_version=code_version,
        domain="reviews" if inputs[0] == "gold/reviews" else "sentiment",
    )


CELLS = _partial(
    "cells",
    " and combination of the dimensions that have few values",
    (
        *_DIMENSIONS,
        Column("profile", pa.string(), "source profile"),
        Column("marketplace", pa.string(), "marketplace"),
        Column("language", pa.string(), "language"),
        _REVIEWS,
        Column("dated", _COUNT, "reviews with a date"),
        *_DAYS,
        Column("voted", _COUNT, "reviews with at least one helpful vote"),
        Column("votes", _COUNT, "helpful votes"),
        Column("vote_missing", _COUNT, "reviews without a number of votes"),
        Column("vine_known", _COUNT, "reviews that say if they are from Vine"),
        Column("vine_true", _COUNT, "reviews from Vine"),
    ),
)
LENGTHS = _partial(
    "lengths",
    ", length band, year, month, main category, stars, verified and source",
    (
        Column("length_from", pa.int32(), "shortest length of the band, in words"),
        Column("length_to", pa.int32(), "longest length of the band, in words"),
        *_DIMENSIONS,
        _REVIEWS,
        Column("words", _COUNT, "words of all these reviews"),
        Column("characters", _COUNT, "characters of all these reviews"),
        Column("letters", _COUNT, "characters without the blanks between words"),
    ),
    code_version="2",
)
PRICES = _partial(
    "prices",
    ", price band, year, month, main category, stars, verified and source",
    (
        Column("price_from", pa.int32(), "lower end of the band in US dollars"),
        Column("price_to", pa.int32(), "upper end of the band, exclusive"),
        Column("price_imputed", pa.bool_(), "the price is a mean; null without a price"),
        *_DIMENSIONS,
        _REVIEWS,
    ),
    code_version="3",
)
BRANDS = _partial(
    "brands",
    ", brand and year",
    (
        _BRAND,
        _YEAR,
        *_TALLIES,
        Column("times", _COUNT, "sum of the times of the rated reviews, in 24ths of a year"),
        Column("time_squares", _COUNT, "sum of their squares"),
        Column("star_times", _COUNT, "sum of the times and ten times the stars"),
        Column("star_squares", _COUNT, "sum of the squares of ten times the stars"),
        Column("fewest_tenths", _COUNT, "ten times the lowest stars"),
        Column("most_tenths", _COUNT, "ten times the highest stars"),
    ),
)
PRODUCTS = _partial(
    "products",
    ", product and asin of the reviews",
    (
        _ASIN,
        Column("variant", pa.string(), "asin of the reviews"),
        *_TALLIES,
        *(
            Column(f"stars_{n}", _COUNT, f"reviews of {n} stars, halves rounded up")
            for n in range(1, 6)
        ),
        *_DAYS,
    ),
)
SUMMARIES = _partial("summaries", " and summary", (_SUMMARY, *_TALLIES))
PHRASES = _partial(
    "phrases",
    ", summary among the most used, and customer",
    (_SUMMARY, _REVIEWER, Column("uses", _COUNT, "reviews of the customer with this summary")),
    ("gold/reviews", "gold/summaries"),
)
REVIEWERS = _partial(
    "reviewers",
    ", reviewer and name",
    (
        Column("reviewer", _COUNT, "64-bit hash of the reviewer_id"),
        Column("reviewer_name", pa.string(), "name that the reviewer shows", "name"),
        _REVIEWS,
    ),
)
_PREDICTED = (
    _REVIEWS,
    *(
        Column(name, _COUNT, f"reviews whose text is {name}")
        for name in ("negative", "neutral", "positive")
    ),
    Column("positive_parts", _SUM, "sum of the probabilities of 4 or 5 stars, exact"),
    Column("expected_parts", _SUM, "sum of the expected stars, exact"),
    *_TALLIES[1:3],
    Column("contradictions", _COUNT, "reviews whose stars and text contradict each other"),
)
PREDICTED_PRODUCTS = _partial(
    "predicted_products",
    ", product, brand and main category of predicted reviews",
    (_ASIN, _BRAND, _MAIN_CATEGORY, *_PREDICTED),
    ("gold/sentiment_predictions",),
)
PREDICTED_YEARS = _partial(
    "predicted_years",
    ", year and source of predicted reviews",
    (_YEAR, _SOURCE, *_PREDICTED),
    ("gold/sentiment_predictions",),
)
