"""The declared column lineage is that of the transforms."""

import json

import pytest
from pyspark.sql import Window
from pyspark.sql import functions as F

from amazon_reviews.definitions import defs
from amazon_reviews.schemas import PUBLISHED, TABLES
from amazon_reviews.schemas.lineage import FILE, column_lineage
from amazon_reviews_tests.plan_lineage import lineage, lineage_of_tables

REGENERATE = "write it with: python -m amazon_reviews_tests.plan_lineage"


@pytest.fixture
def tables(spark):
    sales = spark.createDataFrame([], "item string, day date, price double, pieces int")
    return {"sales": sales, "items": spark.createDataFrame([], "item string, name string")}


def test_declared_lineage_is_that_of_the_transforms(spark):
    assert json.loads(FILE.read_text("utf-8")) == lineage_of_tables(spark), REGENERATE


def test_lineage_names_columns_of_the_inputs():
    for table in TABLES.values():
        for name, sources in column_lineage(table).items():
            assert name in table.names, table.key
            for key, column in sources:
                assert key in table.inputs, (table.key, name)
                assert column in TABLES[key].names, (table.key, name)


def test_assets_have_the_lineage_of_their_table():
    nodes = defs.resolve_asset_graph()
    for table in TABLES.values():
        if lineage_of := column_lineage(table):
            shown = _shown(nodes, table.key)
            assert shown == {name: {*sources} for name, sources in lineage_of.items()}
    for table in PUBLISHED:
        shown = _shown(nodes, f"warehouse/{table.name}")
        expected = {column.name: {(table.key, column.name)} for column in table.published_columns}
        if table.key == "gold/product_months":
            expected["mean_stars"].add((table.key, "rated"))
        assert shown == expected


def _shown(graph, key):
    node = next(graph.get(k) for k in graph.get_all_asset_keys() if k.to_user_string() == key)
    by_column = node.metadata["dagster/column_lineage"].deps_by_column
    return {
        name: {(dep.asset_key.to_user_string(), dep.column_name) for dep in deps}
        for name, deps in by_column.items()
    }


def test_lineage_follows_joins_names_groups_windows_and_unions(tables):
    sales, items = tables.values()
    sums = sales.groupBy("item").agg(
        F.sum(F.col("price") * F.col("pieces")).alias("revenue"), F.count(F.lit(1)).alias("n")
    )
    of_all = F.sum("revenue").over(Window.partitionBy(F.lit(1)))
    named = sums.join(items, on="item").withColumn("share", F.col("revenue") / of_all)
    first = sales.groupBy("item").agg(F.min("day").alias("first")).withColumnRenamed("item", "key")
    joined = named.join(first, named["item"] == first["key"], how="left").drop("key", "revenue")
    twice = joined.unionByName(joined.select("*").where(F.col("n") > 1))

    assert lineage(twice, tables) == {
        "item": {"sales.item"},
        "n": frozenset(),
        "name": {"items.name"},
        "share": {"sales.price", "sales.pieces"},
        "first": {"sales.day"},
    }
