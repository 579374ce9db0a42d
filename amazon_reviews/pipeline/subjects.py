"""What arrives: reviews and products as files, and reviews as events."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms import product_lines, products, reviews
from amazon_reviews.transforms.lines import event_lines


@dataclass(frozen=True)
class Refinement:
    """How a bronze table becomes the silver table of a noun.

    `identity` is the silver column that tells rows of a partition apart, `fields` the source
    fields that are known; `lines` gives raw, encoding, file, line and partition of the bronze
    rows, `type_lines` and `clean` are the transforms.
    """

    noun: str
    bronze: str
    identity: str
    fields: tuple[str, ...]
    lines: Callable[[DataFrame], DataFrame]
    type_lines: Callable[[DataFrame], DataFrame]
    clean: Callable[[DataFrame], DataFrame]

    @property
    def silver(self) -> str:
        """Key of the silver table."""
        return f"silver/{self.noun}"


@dataclass(frozen=True)
class Subject(Refinement):
    """A dataset of the landing zone; `dataset` is its folder."""

    dataset: str

    @property
    def columns(self) -> str:
        """Key of the table that counts the filled columns of the source."""
        return f"silver/{self.noun}_columns"

    def fingerprint_mark(self, partition: str) -> str:
        """Application id under which bronze records the fingerprint of what was read."""
        return f"{self.dataset}/{partition}/fingerprint"


@dataclass(frozen=True)
class Stream(Refinement):
    """The events of a hub, which are all one `partition` of the tables below."""

    partition: str


def _as_they_are(bronze: DataFrame) -> DataFrame:
    return bronze.select(
        *(F.col(name) for name in ("raw", "encoding", "file", "line", "partition"))
    )


REVIEWS = Subject(
    noun="reviews",
    bronze="bronze/reviews",
    dataset="amazon_reviews",
    identity="review_id",
    fields=reviews.FIELDS,
    lines=_as_they_are,
    type_lines=reviews.type_reviews,
    clean=reviews.clean_reviews,
)
PRODUCTS = Subject(
    noun="products",
    bronze="bronze/products",
    dataset="amazon_metadata",
    identity="line_id",
    fields=products.FIELDS,
    lines=_as_they_are,
    type_lines=product_lines.type_products,
    clean=product_lines.silver_products,
)
STREAM = Stream(
    noun="streamed_reviews",
    bronze="bronze/review_events",
    partition="stream",
    identity="review_id",
    fields=(*reviews.FIELDS, *reviews.SENDER_FIELDS),
    lines=event_lines,
    type_lines=reviews.type_reviews,
    clean=reviews.clean_reviews,
)
SUBJECTS = (REVIEWS, PRODUCTS)
