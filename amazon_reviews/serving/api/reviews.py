"""Endpoints on products and their reviews, and on the marts."""

from collections import defaultdict
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any

import orjson
import pyarrow as pa
from fastapi import APIRouter, HTTPException, Path, Query, Response, status
from pydantic import BaseModel

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas import MART_TABLES, TABLES
from amazon_reviews.serving.api.cached_queries import (
    CachedQuery,
    Contents,
    KeyLookup,
    Rows,
    cached,
)
from amazon_reviews.serving.api.dependencies import NOT_FOUND, Queries, Versioned
from amazon_reviews.serving.queries import catalogue
from amazon_reviews.serving.queries.query import mart, query

router = APIRouter(tags=["reviews"])

_MART_KEYS = {table.key.split("/")[1]: table.key for table in MART_TABLES}
MartName = Enum("MartName", {name: name for name in _MART_KEYS}, type=str)  # type: ignore[misc]
_STARS = tuple(f"stars_{number}" for number in range(1, 6))


class Month(BaseModel):
    """Reviews of a month."""

    year: int
    month: int
    reviews: int
    rated: int
    mean_stars: float | None


class Product(Versioned):
    """A product: its facts, its reviews by stars and sentiment, and by month."""

    asin: str
    facts: dict[str, Any]
    stars: dict[str, int]
    sentiment: dict[str, int]
    trend: list[Month]


class Mart(Versioned):
    """Rows of a mart."""

    mart: str
    rows: list[dict[str, Any]]


def _products_by_asin(products: Rows, months: Rows) -> Iterator[tuple[str, Contents]]:
    months_of = defaultdict(list)
    for row in months:
        months_of[row.pop("asin")].append(row)
    for row in products:
        yield row["asin"], _product(row, months_of[row["asin"]])


_PRODUCTS = KeyLookup(
    catalogue.product_range_starts,
    (catalogue.products_in_range, catalogue.months_in_range),
    _products_by_asin,
)


def _variants_by_asin(variants: Rows) -> Iterator[tuple[str, Contents]]:
    for row in reversed(variants):
        # Of several products the last one stays: the one with most reviews of the variant.
        yield row["asin"], row


_VARIANTS = KeyLookup(
    catalogue.variant_range_starts, (catalogue.variants_in_range,), _variants_by_asin
)


def _product(row: dict[str, Any], months: Rows) -> Contents:
    stars = {name[-1]: row.pop(name) for name in _STARS}
    sentiment = {name: row.pop(name) for name in ("positive", "neutral", "negative")}
    return {
        "asin": row.pop("asin"),
        "facts": row,
        "stars": stars,
        "sentiment": sentiment,
        "trend": months,
    }


@router.get("/products/{asin}", response_model=Product, responses=NOT_FOUND)
async def product(
    queries: Queries, asin: Annotated[str, Path(min_length=1, max_length=64)]
) -> Response:
    """A product by its asin: its facts, its reviews by stars and sentiment, and by month.

    The asin of a variant gives the product of its family, whose asin is in the response.
    """
    unknown = "no product with reviews has this asin"
    try:
        return await queries.look_up(_PRODUCTS, asin, unknown)
    except HTTPException as error:
        if error.status_code != status.HTTP_404_NOT_FOUND:
            raise
    variant = orjson.loads((await queries.look_up(_VARIANTS, asin, unknown)).body)
    return await queries.look_up(_PRODUCTS, variant["product_asin"], unknown)


@router.get("/analytics/{name}", response_model=Mart)
async def analytics(
    queries: Queries,
    name: MartName,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> Response:
    """Rows of a mart without ids of persons, ordered by all its columns, the first one first."""
    return await queries.respond(_MARTS[name.value], limit, offset)


def _mart(name: str) -> CachedQuery[int, int]:
    table = TABLES[_MART_KEYS[name]]
    columns = [column for column in table.published_columns if column.pii != "id"]
    # Lists and maps cannot be ordered in BigQuery.
    plain = [column for column in columns if not pa.types.is_nested(column.type)]
    shown, order = (", ".join(f"m.{c.name}" for c in some) for some in (columns, plain))

    @query(table.key)
    def page(warehouse: Warehouse, limit: int, offset: int) -> pa.Table:
        return mart(warehouse, table.key, order, limit=limit, offset=offset, columns=shown)

    @cached(page)
    def contents(rows: Rows, limit: int, offset: int) -> Contents:
        return {"mart": name, "rows": rows}

    return contents


_MARTS = {name: _mart(name) for name in _MART_KEYS}
