"""Interactions, ids and matrices: what the recommenders learn from, as tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import SparkSession

from amazon_reviews.models.recommender.interactions import (
    NO_TIME,
    SECONDS_A_DAY,
    Interactions,
    codes_of,
    short_enough,
)
from amazon_reviews.models.recommender.products import Facts, Products, describe
from amazon_reviews.pipeline.marts import Mart, build_mart
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.schemas import Table
from amazon_reviews.schemas import recommender as tables
from amazon_reviews.schemas.layers import GOLD_PRODUCTS, GOLD_REVIEWS
from amazon_reviews.transforms.recommender import interactions

BUCKETS = 16
"""Parts of the users, by their place among all."""

_INTERACTIONS = Mart(tables.RECOMMENDER_INTERACTIONS, (GOLD_REVIEWS.key,), interactions)
_FACTS = ("asin", "title", "brand", "main_category", "categories", "price")


@dataclass(frozen=True)
class Matrix:
    """A sparse matrix as a table: rows × columns, and how many values are stored."""

    rows: int
    columns: int
    stored: int

    @property
    def density(self) -> float:
        """The part of its places that has a value."""
        return self.stored / max(1, self.rows * self.columns)


def make_interactions(spark: SparkSession, lakehouse: Lakehouse) -> int:
    """Make gold/recommender_interactions anew; gives the version of gold/reviews it is made of."""
    lakehouse.ensure(GOLD_REVIEWS.key)
    version = lakehouse.delta(GOLD_REVIEWS.key).version()
    build_mart(spark, lakehouse, _INTERACTIONS, {GOLD_REVIEWS.key: version})
    return version


def make_matrices(lakehouse: Lakehouse) -> dict[str, Matrix]:
    """Make the tables of users, products and of both matrices; gives the matrices by key."""
    found = _from_interactions(lakehouse)
    products = describe(_facts(lakehouse, found.item_ids), len(found.item_ids))
    categories = products.categories.tocoo()
    users, items = len(found.user_ids), len(found.item_ids)
    _write(
        lakehouse,
        tables.RECOMMENDER_USERS,
        np.arange(users),
        found.user_ids,
        np.bincount(found.users, minlength=users),
        bucket_of_each(users),
    )
    _write(
        lakehouse,
        tables.RECOMMENDER_PRODUCTS,
        np.arange(items),
        found.item_ids,
        np.bincount(found.items, minlength=items),
    )
    _write(
        lakehouse,
        tables.RECOMMENDER_RATINGS,
        found.users,
        found.items,
        found.ratings,
        _days(found.times),
    )
    names = pa.array(products.category_names, pa.string()).take(pa.array(categories.col))
    _write(lakehouse, tables.RECOMMENDER_CATEGORIES, categories.row, categories.col, names)
    return {
        tables.RECOMMENDER_RATINGS.key: Matrix(users, items, len(found)),
        tables.RECOMMENDER_CATEGORIES.key: Matrix(
            items, len(products.category_names), categories.nnz
        ),
    }


def read_interactions(lakehouse: Lakehouse, *, with_products: bool = True) -> Interactions:
    """What all recommenders learn from, by the tables of users, products and ratings."""
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
    """The part that each of so many users is of, by code; each has neighbours in the order.

    So a reader who looks one up finds all rows in one place.
    """
    return (np.arange(users) * BUCKETS // max(1, users)).astype(np.int32)


def _from_interactions(lakehouse: Lakehouse) -> Interactions:
    rows = _table(lakehouse, tables.RECOMMENDER_INTERACTIONS)
    rows = rows.filter(pc.and_(short_enough(rows["reviewer_id"]), short_enough(rows["asin"])))
    found = Interactions.from_rows(
        rows["reviewer_id"],
        rows["asin"],
        rows["rating"].cast(pa.float32()).to_numpy(),
        _times(rows["reviewed_on"]),
    )
    lakehouse.ensure(GOLD_PRODUCTS.key)
    every = lakehouse.delta(GOLD_PRODUCTS.key).to_pyarrow_table(columns=["asin"])["asin"]
    return found.over_items(every.filter(short_enough(every)).to_pylist())


def _facts(lakehouse: Lakehouse, item_ids: NDArray[np.str_]) -> Iterator[tuple[int, Facts]]:
    """What gold/products says of the products that it knows, each with its code."""
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


def _write(lakehouse: Lakehouse, table: Table, *columns: NDArray[Any] | pa.Array) -> None:
    arrays = [
        pa.array(column).cast(field.type)
        for column, field in zip(columns, table.arrow_schema, strict=True)
    ]
    lakehouse.write(
        pa.Table.from_arrays(arrays, schema=table.arrow_schema), table.key, replacing=ALL_ROWS
    )


def _table(lakehouse: Lakehouse, table: Table) -> pa.Table:
    lakehouse.ensure(table.key)
    return lakehouse.delta(table.key).to_pyarrow_table()


def _ids(lakehouse: Lakehouse, table: Table, code: str, name: str) -> NDArray[np.str_]:
    rows = _table(lakehouse, table).sort_by(code)
    return np.asarray(rows[name].to_pylist(), dtype=np.str_)


def _times(days: pa.ChunkedArray) -> NDArray[np.int64]:
    numbers = days.cast(pa.int32()).cast(pa.int64())
    seconds = pc.multiply(numbers, SECONDS_A_DAY)
    return seconds.fill_null(NO_TIME).to_numpy()


def _days(times: NDArray[np.int64]) -> pa.Array:
    known = times != NO_TIME
    days = np.where(known, times, 0) // SECONDS_A_DAY
    return pa.array(days.astype(np.int32), mask=~known).cast(pa.date32())
