"""Bronze: the lines of the landing files as they came, plus where they came from."""

import dagster as dg

from amazon_reviews.defs.assets.common import asset_options, failures_of, partitioned_result
from amazon_reviews.defs.pending import FINGERPRINT, shown
from amazon_reviews.pipeline.bronze import ingest_each
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS, Dataset
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone


@dg.asset(**asset_options("bronze/reviews", "1"))
def bronze_reviews(
    context: dg.AssetExecutionContext,
    landing: dg.ResourceParam[LandingZone],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per line of a landing file of reviews.

    The line is kept as it came, so that every other table can be rebuilt from here at any time.
    """
    return ingest_partitions(context, landing, lakehouse, REVIEWS)


@dg.asset(**asset_options("bronze/products", "1"))
def bronze_products(
    context: dg.AssetExecutionContext,
    landing: dg.ResourceParam[LandingZone],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """One row per line of a landing file of product metadata, kept as it came."""
    return ingest_partitions(context, landing, lakehouse, PRODUCTS)


def ingest_partitions(
    context: dg.AssetExecutionContext, landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset
) -> dg.MaterializeResult:
    """Read each partition; one that cannot be read fails alone, after the others are done."""
    figures: dict[str, dict[str, int | str]] = {}
    with failures_of(context) as failures:
        for name, read in ingest_each(landing, lakehouse, dataset, context.partition_keys):
            figures[name] = {
                "dagster/partition_row_count": read.lines,
                "files": read.files,
                "bytes_read": read.size,
            }
            advance(name)
    read_as = lakehouse.transaction_versions(dataset.bronze, map(dataset.fingerprint_id, figures))
    for name, values in figures.items():
        values[FINGERPRINT] = shown(read_as[dataset.fingerprint_id(name)] or 0)
    return partitioned_result(context, lakehouse, figures, failures)
