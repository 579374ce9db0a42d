"""Column profile of the source: counts of filled and missing columns."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import MOSTLY_MISSING
from amazon_reviews.transforms.marts.ratings import ratio

_EMPTY = ("", "[]", "{}")


def column_counts(parsed: DataFrame, fields: Sequence[str]) -> DataFrame:
    """Return one row per partition and field: lines that have fields, and missing of them.

    `parsed` is the result of `parse_lines` or `parse_records`. A field is missing where it is
    absent, null or empty.
    """
    sizes = F.col("sizes")
    is_object = F.when(sizes.isNull(), F.col("record").isNotNull()).otherwise(
        F.coalesce(sizes["counted"] == sizes["named"], F.lit(False))
    )
    missing = [is_object & _empty(F.col("record")[field]) for field in fields]
    # One array of flags: separate aggregates would parse the line once for each field.
    flags = F.array(*(flag.cast("int") for flag in (is_object, *missing)))
    flagged = parsed.select("partition", flags.alias("flags"))
    sums = (
        flagged.select("partition", F.posexplode("flags").alias("place", "flag"))
        .groupBy("partition", "place")
        .agg(F.sum("flag").alias("missing"))
    )
    objects = sums.where(F.col("place") == 0)
    names = F.array(*(F.lit(field) for field in fields))
    columns = sums.where(F.col("place") > 0).select(
        "partition", F.get(names, F.col("place") - 1).alias("column"), "missing"
    )
    of_partition = objects.select("partition", F.col("missing").alias("lines"))
    return columns.join(of_partition, on="partition").select(
        "partition", "column", "lines", "missing"
    )


def source_columns(reviews: DataFrame, products: DataFrame) -> DataFrame:
    """Return one row per source column, from the column profiles in silver."""
    both = [
        counts.select(F.lit(table).alias("table"), "column", "lines", "missing")
        for table, counts in (("reviews", reviews), ("products", products))
    ]
    sums = [F.sum(name).alias(name) for name in ("lines", "missing")]
    rows = both[0].unionByName(both[1]).groupBy("table", "column").agg(*sums)
    share = ratio(F.col("missing"), F.col("lines"))
    mostly = F.coalesce(share > MOSTLY_MISSING, F.lit(False))
    return rows.select("*", share.alias("missing_share"), mostly.alias("mostly_missing"))


def _empty(text: Column) -> Column:
    return F.btrim(F.coalesce(text, F.lit("")), F.lit(" \t\r\n")).isin(*_EMPTY)
