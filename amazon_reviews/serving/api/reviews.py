"""Endpoints on products and their reviews, and on the marts."""

from collections import defaultdict
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas import MART_TABLES, TABLES
from amazon_reviews.serving.api.cached_queries import Contents, Lookup, Reply, replies
from amazon_reviews.serving.api.dependencies import NOT_FOUND, Asking, Versioned
from amazon_reviews.serving.queries import catalogue
from amazon_reviews.serving.queries.query import mart

router = APIRouter(tags=["reviews"])

_NOUNS = {table.key.split("/")[1]: table.key for table in MART_TABLES}
MartName = Enum("MartName", {noun: noun for noun in _NOUNS}, type=str)  # type: ignore[misc]
_AT_ONCE = 50
_STARS = tuple(f"stars_{number}" for number in range(1, 6))


class Month(BaseModel):
    """Reviews of a month."""

    year: int
    month: int
    reviews: int
    rated: int
    mean_stars: float | None


class Product(Versioned):
    """What is known of a product, how it was rated, and how that went over time."""

    asin: str
    facts: dict[str, Any]
    stars: dict[str, int]
    sentiment: dict[str, int]
    trend: list[Month]


class Mart(Versioned):
    """Rows of a mart, in its columns."""

    mart: str
    rows: list[dict[str, Any]]


def _from(warehouse: Warehouse, first: str, before: str | None) -> Iterator[tuple[str, Contents]]:
    found = catalogue.products_from(warehouse, first, before, _AT_ONCE).to_pylist()
    if not found:
        return
    ends = found[0]["asin"], found[-1]["asin"]
    months = defaultdict(list)
    for row in catalogue.months_between(warehouse, *ends).to_pylist():
        months[row.pop("asin")].append(row)
    for row in found:
        yield row["asin"], _product(row, months[row["asin"]])


_PRODUCTS = Lookup(("gold/product_ratings", "gold/product_months"), _from)


def _product(row: dict[str, Any], months: list[dict[str, Any]]) -> Contents:
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
    answers: Asking, asin: Annotated[str, Path(min_length=1, max_length=64)]
) -> Response:
    """A product by its asin: facts, reviews by stars and sentiment, and its months."""
    unknown = f"no product with reviews has the asin {asin}"
    return await answers.look_up(_PRODUCTS, asin, unknown)


@router.get("/analytics/{name}", response_model=Mart)
async def analytics(
    answers: Asking,
    name: MartName,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> Response:
    """Rows of a mart, ordered by its columns from the first on."""
    return await answers.reply(_MARTS[name.value], limit, offset)


def _mart(noun: str) -> "Reply[int, int]":
    table = TABLES[_NOUNS[noun]]
    plain = [c.name for c in table.columns if not pa.types.is_nested(c.type)]
    order = ", ".join(f"m.{name}" for name in plain)

    @replies(table.key)
    def reply(warehouse: Warehouse, limit: int, offset: int) -> Contents:
        found = mart(warehouse, table.key, order, limit=limit, offset=offset)
        return {"mart": noun, "rows": found.to_pylist()}

    return reply


_MARTS = {noun: _mart(noun) for noun in _NOUNS}
