"""Datasets: reviews, products, titles and title ratings as files, and reviews as events."""

from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.pipeline.event_records import batch_fault
from amazon_reviews.profiles.files import built_in_profiles
from amazon_reviews.profiles.profile import Profile, identity_profile
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.layout import FILES, FOLDERS, Layout
from amazon_reviews.schemas.vocabulary import ORIGIN, PLATFORMS
from amazon_reviews.transforms import product_lines, reviews, title_ratings, titles
from amazon_reviews.transforms.lines import event_lines, repeated_lines

FORMAT = ("profile", "mapping", "delimiter", "quote", "header")
"""The columns of bronze that say how a record is read."""

# The rejection reasons that a batch of something else than objects can have.
_REASONS_OF_BATCHES = ("not_utf8", "not_json", "not_an_object", "missing_field")


@dataclass(frozen=True, kw_only=True)
class SilverSpec(ABC):
    """The build of a silver table from its bronze table.

    `unique_key` is the silver column that identifies a row within its partition. `native` is the
    source profile of lines without one. `lines` selects raw, encoding, file, line and partition of
    the bronze rows, and their format. `type_lines` is the transform of records of a profile,
    `clean` that of its result.
    """

    name: str
    bronze: str
    unique_key: str
    native: Profile
    lines: Callable[[DataFrame], DataFrame]
    type_lines: Callable[[DataFrame, Profile], DataFrame]
    clean: Callable[[DataFrame], DataFrame]

    @property
    def silver(self) -> str:
        """Key of the silver table."""
        return f"silver/{self.name}"

    @abstractmethod
    def missing_in_bronze(self, lakehouse: Lakehouse, partitions: Sequence[str]) -> list[str]:
        """Return those of these partitions that bronze never read."""

    @abstractmethod
    def duplicates(
        self, spark: SparkSession, lakehouse: Lakehouse, rows: DataFrame, partitions: Sequence[str]
    ) -> DataFrame:
        """Return id and origin of the rows of these partitions that repeat an earlier row."""

    @abstractmethod
    def describe_rejected(self, rejected: pa.Table) -> pa.Table:
        """Return rejected lines with what only this kind of input knows about them.

        The columns hub_partition and sequence_number are added, null for lines of files.
        """


@dataclass(frozen=True, kw_only=True)
class Dataset(SilverSpec):
    """A dataset of the landing zone: `folder` is its folder, `layout` the layout of its files.

    `fixed_partitions` are the names of its partitions if they are known in advance. Without
    `profiles`, each file must be a delimited file with the columns `required`.
    """

    folder: str
    layout: Layout = FOLDERS
    fixed_partitions: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()
    required: tuple[str, ...] = ()

    @property
    def columns(self) -> str:
        """Key of the column profile, which counts the filled columns of the source."""
        return f"silver/{self.name}_columns"

    def fingerprint_id(self, partition: str) -> str:
        """Return the transaction id under which bronze records a partition's fingerprint."""
        return f"{self.folder}/{partition}/fingerprint"

    def missing_in_bronze(self, lakehouse: Lakehouse, partitions: Sequence[str]) -> list[str]:
        """Return the partitions that bronze never read, or that were removed."""
        ids = {name: self.fingerprint_id(name) for name in partitions}
        fingerprints = lakehouse.transaction_versions(self.bronze, ids.values())
        # Partitions that a restored version lacks have no fingerprint, but a version.
        versions = lakehouse.versions(self.bronze)
        return [n for n in partitions if not (fingerprints[ids[n]] or versions.get(n))]

    def duplicates(
        self, spark: SparkSession, lakehouse: Lakehouse, rows: DataFrame, partitions: Sequence[str]
    ) -> DataFrame:
        """Return the rows that repeat one before them in their own partition."""
        return repeated_lines(rows, self.unique_key)

    def describe_rejected(self, rejected: pa.Table) -> pa.Table:
        """Return rejected lines of files; they have no place in a hub."""
        count = rejected.num_rows
        return rejected.append_column("hub_partition", pa.nulls(count, pa.string())).append_column(
            "sequence_number", pa.nulls(count, pa.int64())
        )


@dataclass(frozen=True, kw_only=True)
class Stream(SilverSpec):
    """The events of a hub; all stream segments together are the one `partition`."""

    partition: str

    def missing_in_bronze(self, lakehouse: Lakehouse, partitions: Sequence[str]) -> list[str]:
        """Return none: segments are taken from bronze itself."""
        return []

    def duplicates(
        self, spark: SparkSession, lakehouse: Lakehouse, rows: DataFrame, partitions: Sequence[str]
    ) -> DataFrame:
        """Return the rows that repeat an earlier one in any segment."""
        ids = rows.select(F.col(self.unique_key).alias("id"), *ORIGIN)
        earlier = lakehouse.read(spark, self.silver).where(F.col("partition") < min(partitions))
        earlier_ids = earlier.select(F.col(self.unique_key).alias("id"))
        # Earlier segments may hold millions of ids, so they are reduced to the new ones first.
        known = earlier_ids.join(ids.select("id"), on="id", how="left_semi").distinct()
        repeated = ids.join(known, on="id", how="left_semi")
        return repeated.unionByName(repeated_lines(rows, self.unique_key, across=True)).distinct()

    def describe_rejected(self, rejected: pa.Table) -> pa.Table:
        """Return rejected events with their place in the hub, and faults of unreadable batches."""
        rows = rejected.to_pylist()
        for row in rows:
            body = b64decode(row["raw"]) if row["encoding"] == "base64" else row["raw"].encode()
            if row["reason"] in _REASONS_OF_BATCHES and (fault := batch_fault(body)):
                row["detail"] = fault
                # An object of records lacks the fields of a review, but its shape is the fault.
                if row["reason"] == "missing_field":
                    row["reason"] = "not_an_object"
        described = pa.Table.from_pylist(rows, rejected.schema)
        hub_partition = pc.replace_substring_regex(described["file"], ".*/|#.*", "")
        return described.append_column("hub_partition", hub_partition).append_column(
            "sequence_number", described["line"]
        )


def _select_lines(bronze: DataFrame) -> DataFrame:
    return bronze.select("raw", "encoding", "file", "line", "partition", *FORMAT)


def _profiles(dataset: str) -> tuple[Profile, ...]:
    return tuple(profile for profile in built_in_profiles() if profile.dataset == dataset)


def _platform(file: str) -> str | None:
    """Return the platform that a catalogue is named after, such as amazon_prime_titles.csv."""
    return next((name for name in PLATFORMS if file.lower().startswith(name)), None)


REVIEWS = Dataset(
    name="reviews",
    bronze="bronze/reviews",
    folder="amazon_reviews",
    unique_key="review_id",
    native=reviews.NATIVE,
    profiles=_profiles("reviews"),
    lines=_select_lines,
    type_lines=reviews.type_reviews,
    clean=reviews.clean_reviews,
)
PRODUCTS = Dataset(
    name="products",
    bronze="bronze/products",
    folder="amazon_metadata",
    unique_key="line_id",
    native=product_lines.NATIVE,
    profiles=_profiles("products"),
    lines=_select_lines,
    type_lines=product_lines.type_products,
    clean=product_lines.silver_products,
)
STREAM = Stream(
    name="streamed_reviews",
    bronze="bronze/review_events",
    partition="stream",
    unique_key="review_id",
    native=identity_profile("amazon_2018", "reviews", (*reviews.FIELDS, *reviews.SENDER_FIELDS)),
    lines=event_lines,
    type_lines=reviews.type_reviews,
    clean=reviews.clean_reviews,
)
TITLES = Dataset(
    name="titles",
    bronze="bronze/titles",
    folder="titles",
    layout=replace(FILES, partition_of=_platform, naming=f"beginning with {', '.join(PLATFORMS)}"),
    fixed_partitions=PLATFORMS,
    required=("show_id", "type", "title"),
    unique_key="id",
    native=identity_profile("titles", "titles", titles.FIELDS),
    lines=_select_lines,
    type_lines=lambda parsed, _: titles.type_titles(parsed),
    clean=titles.silver_titles,
)
TITLE_RATINGS = Dataset(
    name="title_ratings",
    bronze="bronze/title_ratings",
    folder="title_ratings",
    layout=FILES,
    required=title_ratings.REQUIRED,
    unique_key="rating_id",
    native=identity_profile("title_ratings", "title_ratings", title_ratings.FIELDS),
    lines=_select_lines,
    type_lines=lambda parsed, _: title_ratings.type_ratings(parsed),
    clean=title_ratings.silver_ratings,
)
REVIEW_DATASETS = (REVIEWS, PRODUCTS)
"""The datasets behind gold/reviews."""

DATASETS = tuple(value for value in list(vars().values()) if isinstance(value, Dataset))
"""All datasets that are files of the landing zone."""
