"""Products that reviews name: some producers give the facts of a product in each review."""

from collections.abc import Iterator, Sequence

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from amazon_reviews.pipeline.datasets import REVIEWS
from amazon_reviews.pipeline.input_rows import check_in_bronze
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.partition_batches import bronze_batches
from amazon_reviews.pipeline.records import parsed_rows
from amazon_reviews.resources.lakehouse.data_files import scratch_copy
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.schemas.layers import BRONZE_REVIEWS, SILVER_REVIEW_PRODUCTS
from amazon_reviews.transforms.control_characters import holds_control
from amazon_reviews.transforms.product_lines import products_of_reviews

_KEY = SILVER_REVIEW_PRODUCTS.key


def build_review_products(
    spark: SparkSession, lakehouse: Lakehouse, partitions: Sequence[str], batch_rows: int
) -> Iterator[tuple[str, int]]:
    """Rebuild these partitions of silver/review_products from bronze.

    Yields each with its rows when it is committed.

    Raises:
        FailedPartitionsError: at the end, for the partitions that failed: bronze never read them,
            or they could not be read or written.
    """

    def build(names: Sequence[str]) -> list[tuple[str, int]]:
        check_in_bronze(lakehouse, REVIEWS, names)
        versions = lakehouse.versions(BRONZE_REVIEWS.key)
        built = {name: {BRONZE_REVIEWS.key: versions.get(name, 0)} for name in names}
        bronze = lakehouse.read(spark, BRONZE_REVIEWS.key, names)
        frames = [
            products_of_reviews(parsed, record_format.profile)
            for record_format, parsed in parsed_rows(
                REVIEWS, bronze, lambda of_rows: bool(of_rows.profile.products)
            )
        ]
        lakehouse.ensure(_KEY)
        before = partition_rows(lakehouse.delta(_KEY))
        if frames:
            products = [frame.select(*SILVER_REVIEW_PRODUCTS.names) for frame in frames]
            # The embedded engine cannot filter these columns before they are written.
            with scratch_copy(products, lakehouse.location, _KEY) as rows:
                named = rows.where((F.col("asin") != "") & ~holds_control(F.col("asin")))
                lakehouse.write(named, _KEY, replacing={"partition": names}, built=built)
        elif any(before.get(name) for name in names):
            nothing = SILVER_REVIEW_PRODUCTS.arrow_schema.empty_table()
            lakehouse.write(nothing, _KEY, replacing={"partition": names}, built=built)
        else:
            lakehouse.record(_KEY, built)
        after = partition_rows(lakehouse.delta(_KEY))
        return [(name, after.get(name, 0)) for name in names]

    yield from isolated(bronze_batches(lakehouse, REVIEWS, partitions, batch_rows), build, spark)
