"""The training data of the recommenders as tables: interactions, ids and matrices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import SparkSession

from amazon_reviews.models.recommender.interactions import (
    MISSING_TIME,
    SECONDS_A_DAY,
    Interactions,
    codes_of,
    short_enough,
)
from amazon_reviews.models.recommender.products import Facts, Products, describe
from amazon_reviews.pipeline.marts import build_whole
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.schemas import Table
from amazon_reviews.schemas import recommender as tables
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS
from amazon_reviews.transforms.recommender import interactions as interactions_of

BUCKETS = 16
"""Buckets of users, by code."""

_FACTS = ("asin", "title", "brand", "main_category", "categories", "price")


@dataclass(frozen=True)
class Matrix:
    """A sparse matrix as a table: rows × columns, and the number of stored values."""

    rows: int
    columns: int
    stored: int

    @property
    def density(self) -> float:
        """Return the share of cells with a value."""
        return self.stored / max(1, self.rows * self.columns)


def make_interactions(spark: SparkSession, lakehouse: Lakehouse) -> int:
    """Rebuild gold/recommender_interactions; return the version of gold/reviews behind it."""
    lakehouse.ensure(GOLD_REVIEWS.key)
    version = lakehouse.delta(GOLD_REVIEWS.key).version()
    build_whole(
        spark,
        lakehouse,
        tables.RECOMMENDER_INTERACTIONS,
        interactions_of,
        {GOLD_REVIEWS.key: version},
    )
    return version


def make_matrices(lakehouse: Lakehouse) -> dict[str, Matrix]:
    """Rebuild the tables of users, products and both matrices; return the matrices by key."""
    inputs = lakehouse.input_versions(tables.RECOMMENDER_USERS.key)
    interactions = _from_table(lakehouse)
    user_ids, item_ids = interactions.user_ids, interactions.item_ids
    users, items = len(user_ids), len(item_ids)
    # All values are computed before the first table is replaced.
    products = describe(_facts(lakehouse, item_ids), items)
    categories = products.categories.tocoo()
    names = pa.array(products.category_names, pa.string()).take(pa.array(categories.col))
    days = _days(interactions.times)
    _write(
        lakehouse,
        tables.RECOMMENDER_USERS,
        inputs,
        np.arange(users),
        user_ids,
        np.bincount(interactions.users, minlength=users),
        bucket_of_each(users),
    )
    _write(
        lakehouse,
        tables.RECOMMENDER_PRODUCTS,
        inputs,
        np.arange(items),
        item_ids,
        np.bincount(interactions.items, minlength=items),
    )
    _write(
        lakehouse,
        tables.RECOMMENDER_RATINGS,
        inputs,
        interactions.users,
        interactions.items,
        interactions.ratings,
        days,
    )
    _write(lakehouse, tables.RECOMMENDER_CATEGORIES, inputs, categories.row, categories.col, names)
    return {
        tables.RECOMMENDER_RATINGS.key: Matrix(users, items, len(interactions)),
        tables.RECOMMENDER_CATEGORIES.key: Matrix(
            items, len(products.category_names), categories.nnz
        ),
    }


def read_interactions(lakehouse: Lakehouse, *, with_products: bool = True) -> Interactions:
    """Return the training data of all recommenders, from users, products and ratings."""
    ratings = _table(lakehouse, tables.RECOMMENDER_RATINGS)
    item_ids = _ids(lakehouse, tables.RECOMMENDER_PRODUCTS, "product", "asin")
    products: Products | None = None
    if with_products:
        products = describe(_facts(lakehouse, item_ids), len(item_ids))
    return Interactions(
        users=ratings["user"].to_numpy(),
        items=ratings["product"].to_numpy(),
        ratings=ratings["rating"].to_numpy(),
        times=_times(ratings["reviewed_on"]),
        counts=np.ones(len(ratings), np.int32),
        user_ids=_ids(lakehouse, tables.RECOMMENDER_USERS, "user", "reviewer_id"),
        item_ids=item_ids,
        products=products,
    )


def bucket_of_each(users: int) -> NDArray[np.int32]:
    """Return the bucket of each user, by code.

    A bucket has users with adjacent codes, so that the look-up of one user reads one file.
    """
    return (np.arange(users) * BUCKETS // max(1, users)).astype(np.int32)


def _from_table(lakehouse: Lakehouse) -> Interactions:
    rows = _table(lakehouse, tables.RECOMMENDER_INTERACTIONS)
    rows = rows.filter(pc.and_(short_enough(rows["reviewer_id"]), short_enough(rows["asin"])))
    interactions = Interactions.from_rows(
        rows["reviewer_id"],
        rows["asin"],
        rows["rating"].cast(pa.float32()).to_numpy(),
        _times(rows["reviewed_on"]),
    )
    lakehouse.ensure(GOLD_PRODUCTS.key)
    asins = lakehouse.delta(GOLD_PRODUCTS.key).to_pyarrow_table(columns=["asin"])["asin"]
    return interactions.over_items(asins.filter(short_enough(asins)).to_pylist())


def _facts(lakehouse: Lakehouse, item_ids: NDArray[np.str_]) -> Iterator[tuple[int, Facts]]:
    """Yield the facts of the products in gold/products, each with its code."""
    lakehouse.ensure(GOLD_PRODUCTS.key)
    dataset = lakehouse.delta(GOLD_PRODUCTS.key).to_pyarrow_dataset()
    for batch in dataset.to_batches(columns=list(_FACTS), batch_size=8_192):
        known = batch.filter(short_enough(batch["asin"]))
        codes = codes_of(known["asin"].to_pylist(), item_ids)
        for code, row in zip(codes.tolist(), known.to_pylist(), strict=True):
            if code >= 0:
                yield (
                    code,
                    Facts(
                        title=row["title"],
                        brand=row["brand"],
                        main_category=row["main_category"],
                        categories=tuple(filter(None, row["categories"] or ())),
                        price=row["price"],
                    ),
                )


def _write(
    lakehouse: Lakehouse,
    table: Table,
    inputs: Mapping[str, int],
    *columns: NDArray[Any] | pa.Array,
) -> None:
    arrays = [
        pa.array(column).cast(field.type)
        for column, field in zip(columns, table.arrow_schema, strict=True)
    ]
    rows = pa.Table.from_arrays(arrays, schema=table.arrow_schema)
    lakehouse.write(rows, table.key, replacing=ALL_ROWS, built={WHOLE: inputs})


def _table(lakehouse: Lakehouse, table: Table) -> pa.Table:
    lakehouse.ensure(table.key)
    return lakehouse.delta(table.key).to_pyarrow_table()


def _ids(lakehouse: Lakehouse, table: Table, code: str, name: str) -> NDArray[np.str_]:
    rows = _table(lakehouse, table).sort_by(code)
    return np.asarray(rows[name].to_pylist(), dtype=np.str_)


def _times(days: pa.ChunkedArray) -> NDArray[np.int64]:
    numbers = days.cast(pa.int32()).cast(pa.int64())
    seconds = pc.multiply(numbers, SECONDS_A_DAY)
    return seconds.fill_null(MISSING_TIME).to_numpy()


def _days(times: NDArray[np.int64]) -> pa.Array:
    known = times != MISSING_TIME
    days = np.where(known, times, 0) // SECONDS_A_DAY
    return pa.array(days.astype(np.int32), mask=~known).cast(pa.date32())
