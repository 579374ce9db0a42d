"""The partition sets: a folder of the landing zone is a partition."""

import dagster as dg

REVIEW_PARTITIONS = dg.DynamicPartitionsDefinition(name="amazon_reviews")
PRODUCT_PARTITIONS = dg.DynamicPartitionsDefinition(name="amazon_metadata")

PARTITIONS = {"reviews": REVIEW_PARTITIONS, "products": PRODUCT_PARTITIONS}
