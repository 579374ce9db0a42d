"""From silver to gold: titles with the mean of their ratings, who plays in them, and a file."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from amazon_reviews.atomic_file import replacing
from amazon_reviews.pipeline.datasets import TITLES
from amazon_reviews.pipeline.silver import rows_to_build
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse, row_count
from amazon_reviews.schemas import Table
from amazon_reviews.schemas.titles import (
    GOLD_TITLE_ACTORS,
    GOLD_TITLES,
    SILVER_TITLE_RATINGS,
    SILVER_TITLES,
)
from amazon_reviews.transforms import titles
from amazon_reviews.transforms.title_ratings import rated_titles


@dataclass(frozen=True)
class Counted:
    """What became of the rows of silver/title_ratings in gold/titles.

    `kept` count in a title's mean, `duplicates` came in another file too, `unknown` are of titles
    that no catalogue has.
    """

    lines: int
    kept: int
    duplicates: int
    unknown: int

    @property
    def balanced(self) -> bool:
        """Whether every rating ended in exactly one place."""
        return self.lines == self.kept + self.duplicates + self.unknown


def build_gold_titles(spark: SparkSession, lakehouse: Lakehouse) -> Counted:
    """Rebuild gold/titles from all of silver, ratings included where there are some.

    Raises:
        MissingInputError: silver lacks lines of bronze, or is empty; gold keeps what it has.
    """
    silver = _silver_titles(spark, lakehouse, GOLD_TITLES)
    version = _version(lakehouse, SILVER_TITLE_RATINGS.key)
    ratings = lakehouse.read(spark, SILVER_TITLE_RATINGS.key, version=version)
    means = rated_titles(ratings)
    rated = means.toArrow()
    # With the schema, which cannot be told from a table without rows.
    frame = titles.gold_titles(silver, spark.createDataFrame(rated, means.schema))
    lakehouse.write(frame.select(*GOLD_TITLES.names), GOLD_TITLES.key, replacing=ALL_ROWS)
    return _counted(lakehouse, row_count(lakehouse.delta(SILVER_TITLE_RATINGS.key, version)), rated)


def build_title_actors(spark: SparkSession, lakehouse: Lakehouse) -> None:
    """Rebuild gold/title_actors from silver/titles.

    Raises:
        MissingInputError: silver lacks lines of bronze, or is empty; gold keeps what it has.
    """
    actors = titles.title_actors(_silver_titles(spark, lakehouse, GOLD_TITLE_ACTORS))
    lakehouse.write(
        actors.select(*GOLD_TITLE_ACTORS.names), GOLD_TITLE_ACTORS.key, replacing=ALL_ROWS
    )


def export_parquet(lakehouse: Lakehouse, table: Table, path: Path) -> int:
    """Write a table as one Parquet file; gives its rows. A file that is there is replaced."""
    rows = lakehouse.delta(table.key).to_pyarrow_table(columns=table.names)
    with replacing(path) as file:
        pq.write_table(rows.cast(table.arrow_schema), file, compression="zstd")
    return rows.num_rows


def _silver_titles(spark: SparkSession, lakehouse: Lakehouse, gold: Table) -> DataFrame:
    version = _version(lakehouse, SILVER_TITLES.key)
    rows_to_build(lakehouse, TITLES, gold.key)
    return lakehouse.read(spark, SILVER_TITLES.key, version=version)


def _version(lakehouse: Lakehouse, key: str) -> int:
    lakehouse.ensure(key)
    return lakehouse.delta(key).version()


def _counted(lakehouse: Lakehouse, lines: int, rated: pa.Table) -> Counted:
    """`rated` has the distinct ratings of each title_id."""
    gold = lakehouse.delta(GOLD_TITLES.key).to_pyarrow_table(columns=["id", "ratings"])
    known = pc.is_in(rated["title_id"], gold["id"].combine_chunks())
    return Counted(
        lines=lines,
        kept=_sum(gold["ratings"]),
        duplicates=lines - _sum(rated["ratings"]),
        unknown=_sum(rated["ratings"].filter(pc.invert(known))),
    )


def _sum(values: pa.ChunkedArray) -> int:
    return pc.sum(values).as_py() or 0
