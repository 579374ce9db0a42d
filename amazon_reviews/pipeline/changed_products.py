"""The partitions of gold/reviews that a change of gold/products concerns."""

import logging
from collections.abc import Mapping
from functools import reduce
from operator import and_
from urllib.parse import unquote

import pyarrow as pa
from deltalake.exceptions import DeltaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.resources.lakehouse.data_files import missing_files
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS
from amazon_reviews.transforms.reviews import PRODUCT_FACTS

_log = logging.getLogger(__name__)


def concerned_partitions(
    spark: SparkSession, lakehouse: Lakehouse, products: DataFrame, built_from: Mapping[str, int]
) -> set[str]:
    """Return the partitions that hold reviews of products that changed since they were built.

    `products` is gold/products now. `built_from` has the partitions and stream segments of
    gold/reviews, each with the version of gold/products that its rows have. If that version can no
    longer be read, its partitions are concerned.
    """
    concerned: set[str] = set()
    for version in {*built_from.values()}:
        names = [name for name, built in built_from.items() if built == version]
        delta_version = _delta_version(lakehouse, version)
        if delta_version is None:
            _log.warning("the earlier gold/products is gone, so all its reviews are built again")
            concerned.update(names)
            continue
        before = lakehouse.read(spark, GOLD_PRODUCTS.key, version=delta_version)
        reviews = lakehouse.read(spark, GOLD_REVIEWS.key, names)
        product = F.coalesce("product_asin", "asin").alias("asin")
        family = reviews.where(F.col("parent_asin").isNotNull())
        looked_up = reviews.select("partition", product).unionByName(
            family.select("partition", F.col("parent_asin").alias("asin"))
        )
        found = looked_up.join(_changed(before, products), on="asin", how="left_semi")
        concerned |= {row["partition"] for row in found.select("partition").distinct().collect()}
    _log.info("products changed for %d of %d partitions", len(concerned), len(built_from))
    return concerned


def _changed(before: DataFrame, now: DataFrame) -> DataFrame:
    """Return the asin of each product that is new or gone, or has other facts for its reviews."""
    earlier = before.select("asin", *(F.col(name).alias(f"{name}_") for name in PRODUCT_FACTS))
    same = reduce(and_, (F.col(name).eqNullSafe(F.col(f"{name}_")) for name in PRODUCT_FACTS))
    unchanged = now.join(earlier, on="asin").where(same).select("asin")
    asins = before.select("asin").unionByName(now.select("asin"))
    return asins.join(unchanged, on="asin", how="left_anti")


def _delta_version(lakehouse: Lakehouse, version: int) -> int | None:
    """Return the newest Delta version of gold/products with this version, if it is still there."""
    key = GOLD_PRODUCTS.key
    number = lakehouse.version(key)
    try:
        while number is not None and (there := lakehouse.version_at(key, number)) != version:
            number = number - 1 if number and there > version else None
        if number is None:
            return None
        actions = lakehouse.delta(key, number).get_add_actions()
    except DeltaError:
        return None
    paths = map(unquote, pa.RecordBatchReader.from_stream(actions).read_all()["path"].to_pylist())
    return None if missing_files(lakehouse.location, key, [*paths]) else number
