"""Rejected lines by reason and by partition."""

import pyarrow as pa

from amazon_reviews.pipeline.rejected import partitions_with_rejected, rejected_by_reason
from amazon_reviews.schemas.layers import SILVER_REJECTED


def put_rejected(lakehouse, table, partition, *reasons):
    keys = {"table": table, "partition": partition}
    records = [{"reason": reason} | keys for reason in reasons]
    rows = pa.Table.from_pylist(records, schema=SILVER_REJECTED.arrow_schema)
    lakehouse.ensure(SILVER_REJECTED.key)
    lakehouse.write(
        rows, SILVER_REJECTED.key, replacing={"table": [table], "partition": [partition]}
    )


def test_rejected_lines_are_grouped_by_table_and_reason(lakehouse):
    put_rejected(lakehouse, "reviews", "partition_10", "not_json", "not_json", "wrong_type")
    put_rejected(lakehouse, "reviews", "partition_2", "not_json")
    put_rejected(lakehouse, "products", "partition_1", "not_json")

    assert list(rejected_by_reason(lakehouse).items()) == [
        (("products", "not_json"), 1),
        (("reviews", "not_json"), 3),
        (("reviews", "wrong_type"), 1),
    ]
    assert partitions_with_rejected(lakehouse) == {
        "silver/products": ["partition_1"],
        "silver/reviews": ["partition_2", "partition_10"],
    }


def test_lakehouse_without_rejected_lines_has_no_groups(lakehouse):
    assert rejected_by_reason(lakehouse) == {}
    assert partitions_with_rejected(lakehouse) == {}
