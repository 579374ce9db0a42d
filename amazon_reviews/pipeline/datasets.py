"""What arrives: reviews, products, titles and their ratings as files, and reviews as events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from amazon_reviews.resources.landing.layout import FILES, FOLDERS, Layout
from amazon_reviews.transforms import product_lines, products, reviews, title_ratings, titles
from amazon_reviews.transforms.csv_records import parse_records
from amazon_reviews.transforms.lines import event_lines, parse_lines


@dataclass(frozen=True, kw_only=True)
class SilverSpec:
    """How a bronze table becomes the silver table of a noun.

    `identity` is the silver column that tells rows of a partition apart, `fields` the source
    fields that are known; `lines` gives raw, encoding, file, line and partition of the bronze
    rows (and the header of a CSV file), `parse` makes records of them, `type_lines` and `clean`
    are the transforms.
    """

    name: str
    bronze: str
    identity: str
    fields: tuple[str, ...]
    lines: Callable[[DataFrame], DataFrame]
    type_lines: Callable[[DataFrame], DataFrame]
    clean: Callable[[DataFrame], DataFrame]
    parse: Callable[[DataFrame, Sequence[str]], DataFrame] = parse_lines

    @property
    def silver(self) -> str:
        """Key of the silver table."""
        return f"silver/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Dataset(SilverSpec):
    """A dataset of the landing zone: `folder` is its folder, `layout` how it lies there.

    `fixed_partitions` are the names of its partitions where they are known beforehand; `required`
    are the columns that the header of a CSV file must name.
    """

    folder: str
    layout: Layout = FOLDERS
    fixed_partitions: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    @property
    def columns(self) -> str:
        """Key of the table that counts the filled columns of the source."""
        return f"silver/{self.name}_columns"

    def fingerprint_id(self, partition: str) -> str:
        """Application id under which bronze records the fingerprint of what was read."""
        return f"{self.folder}/{partition}/fingerprint"


@dataclass(frozen=True, kw_only=True)
class Stream(SilverSpec):
    """The events of a hub, which are all one `partition` of the tables below."""

    partition: str


def _as_they_are(bronze: DataFrame) -> DataFrame:
    return bronze.select(
        *(F.col(name) for name in ("raw", "encoding", "file", "line", "partition"))
    )


def _records(bronze: DataFrame) -> DataFrame:
    names = ("raw", "encoding", "file", "line", "partition", "header")
    return bronze.select(*(F.col(name) for name in names))


def _platform(file: str) -> str | None:
    """The platform that a catalogue is named after, such as amazon_prime_titles.csv."""
    return next((name for name in titles.PLATFORMS if file.lower().startswith(name)), None)


REVIEWS = Dataset(
    name="reviews",
    bronze="bronze/reviews",
    folder="amazon_reviews",
    identity="review_id",
    fields=reviews.FIELDS,
    lines=_as_they_are,
    type_lines=reviews.type_reviews,
    clean=reviews.clean_reviews,
)
PRODUCTS = Dataset(
    name="products",
    bronze="bronze/products",
    folder="amazon_metadata",
    identity="line_id",
    fields=products.FIELDS,
    lines=_as_they_are,
    type_lines=product_lines.type_products,
    clean=product_lines.silver_products,
)
STREAM = Stream(
    name="streamed_reviews",
    bronze="bronze/review_events",
    partition="stream",
    identity="review_id",
    fields=(*reviews.FIELDS, *reviews.SENDER_FIELDS),
    lines=event_lines,
    type_lines=reviews.type_reviews,
    clean=reviews.clean_reviews,
)
TITLES = Dataset(
    name="titles",
    bronze="bronze/titles",
    folder="titles",
    layout=Layout(".csv", False, _platform, f"beginning with {', '.join(titles.PLATFORMS)}"),
    fixed_partitions=titles.PLATFORMS,
    required=("show_id", "type", "title"),
    identity="id",
    fields=titles.FIELDS,
    lines=_records,
    parse=parse_records,
    type_lines=titles.type_titles,
    clean=titles.silver_titles,
)
TITLE_RATINGS = Dataset(
    name="title_ratings",
    bronze="bronze/title_ratings",
    folder="title_ratings",
    layout=FILES,
    required=title_ratings.REQUIRED,
    identity="rating_id",
    fields=title_ratings.FIELDS,
    lines=_records,
    parse=parse_records,
    type_lines=title_ratings.type_ratings,
    clean=title_ratings.silver_ratings,
)
REVIEW_DATASETS = (REVIEWS, PRODUCTS)
"""What the reviews are made from."""

DATASETS = (*REVIEW_DATASETS, TITLES, TITLE_RATINGS)
"""Everything that arrives as files."""
