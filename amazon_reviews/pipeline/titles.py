"""From silver to gold: titles with the mean of their ratings, their actors, and an export."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from amazon_reviews.atomic_file import replacing
from amazon_reviews.config import REPORT
from amazon_reviews.disk import Place, explaining
from amazon_reviews.pipeline.datasets import TITLES
from amazon_reviews.pipeline.input_rows import silver_rows
from amazon_reviews.resources.built_files import stamped_schema
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse, row_count
from amazon_reviews.schemas import Table
from amazon_reviews.schemas.built import WHOLE, Built
from amazon_reviews.schemas.titles import (
    GOLD_TITLE_ACTORS,
    GOLD_TITLES,
    SILVER_TITLE_RATINGS,
    SILVER_TITLES,
)
from amazon_reviews.transforms import titles
from amazon_reviews.transforms.title_ratings import rated_titles


@dataclass(frozen=True)
class TitleRatingCounts:
    """The rows of silver/title_ratings, and how many of them gold/titles uses.

    `kept` are part of a title's mean, `duplicates` are in another file too, `unknown` are of
    titles that no catalogue has.
    """

    lines: int
    kept: int
    duplicates: int
    unknown: int

    @property
    def balanced(self) -> bool:
        """Return True if every rating ended in exactly one place."""
        return self.lines == self.kept + self.duplicates + self.unknown


def build_gold_titles(spark: SparkSession, lakehouse: Lakehouse) -> TitleRatingCounts:
    """Rebuild gold/titles from all of silver, with the ratings that exist.

    Raises:
        MissingInputError: silver lacks lines of bronze, or is empty; gold keeps what it has.
    """
    inputs = lakehouse.input_versions(GOLD_TITLES.key)
    silver = _silver_titles(spark, lakehouse, GOLD_TITLES)
    version = _version(lakehouse, SILVER_TITLE_RATINGS.key)
    ratings = lakehouse.read(spark, SILVER_TITLE_RATINGS.key, version=version)
    means = rated_titles(ratings)
    rated = means.toArrow()
    # With the schema, because a table without rows does not imply it.
    frame = titles.gold_titles(silver, spark.createDataFrame(rated, means.schema))
    lakehouse.write(
        frame.select(*GOLD_TITLES.names),
        GOLD_TITLES.key,
        replacing=ALL_ROWS,
        built={WHOLE: inputs},
    )
    return _rating_counts(
        lakehouse, row_count(lakehouse.delta(SILVER_TITLE_RATINGS.key, version)), rated
    )


def build_title_actors(spark: SparkSession, lakehouse: Lakehouse) -> None:
    """Rebuild gold/title_actors from silver/titles.

    Raises:
        MissingInputError: silver lacks lines of bronze, or is empty; gold keeps what it has.
    """
    inputs = lakehouse.input_versions(GOLD_TITLE_ACTORS.key)
    actors = titles.title_actors(_silver_titles(spark, lakehouse, GOLD_TITLE_ACTORS))
    lakehouse.write(
        actors.select(*GOLD_TITLE_ACTORS.names),
        GOLD_TITLE_ACTORS.key,
        replacing=ALL_ROWS,
        built={WHOLE: inputs},
    )


def export_parquet(
    lakehouse: Lakehouse, table: Table, path: Path, *, built: Built | None = None
) -> int:
    """Write a table as one Parquet file, replacing an old one; return the number of rows.

    The file holds the record `built`, if there is one.
    """
    rows = lakehouse.delta(table.key).to_pyarrow_table(columns=table.names)
    schema = stamped_schema(table.arrow_schema, built) if built else table.arrow_schema
    with explaining(Place(REPORT, path.parent)), replacing(path) as file:
        pq.write_table(rows.cast(schema), file, compression="zstd", write_page_checksum=True)
    return rows.num_rows


def _silver_titles(spark: SparkSession, lakehouse: Lakehouse, gold: Table) -> DataFrame:
    version = _version(lakehouse, SILVER_TITLES.key)
    silver_rows(lakehouse, TITLES, gold.key)
    return lakehouse.read(spark, SILVER_TITLES.key, version=version)


def _version(lakehouse: Lakehouse, key: str) -> int:
    lakehouse.ensure(key)
    return lakehouse.delta(key).version()


def _rating_counts(lakehouse: Lakehouse, lines: int, rated: pa.Table) -> TitleRatingCounts:
    """Count `lines` ratings; `rated` has the number of distinct ones of each title_id."""
    gold = lakehouse.delta(GOLD_TITLES.key).to_pyarrow_table(columns=["id", "ratings"])
    known = pc.is_in(rated["title_id"], gold["id"].combine_chunks())
    return TitleRatingCounts(
        lines=lines,
        kept=_sum(gold["ratings"]),
        duplicates=lines - _sum(rated["ratings"]),
        unknown=_sum(rated["ratings"].filter(pc.invert(known))),
    )


def _sum(values: pa.ChunkedArray) -> int:
    return pc.sum(values).as_py() or 0
