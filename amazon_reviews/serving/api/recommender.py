"""Endpoints on recommended and similar products."""

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel

from amazon_reviews.serving.api.cached_queries import Contents, KeyLookup, Rows, cached
from amazon_reviews.serving.api.dependencies import NOT_FOUND, OF_A_PERSON, Queries, Versioned
from amazon_reviews.serving.queries import recommender

router = APIRouter(tags=["recommender"])

Id = Annotated[str, Path(min_length=1, max_length=64)]
Limit = Annotated[int, Query(ge=1, le=50, description="number of products at most")]


class SimilarProduct(BaseModel):
    """A product of a list; `cold` if the method has no data of the requested product or user.

    `price` is the listed price, null without one.
    """

    place: int
    asin: str
    score: float | None
    cold: bool
    title: str | None
    brand: str | None
    main_category: str | None
    price: float | None


class RecommendedProduct(SimilarProduct):
    """A recommended product, and the rated product that is the reason for it."""

    because_asin: str | None
    because_rating: float | None


class Similar(Versioned):
    """Products similar to a product, from this version of a method."""

    asin: str
    method: str
    model_version: str
    products: list[SimilarProduct]


class Recommendations(Versioned):
    """Products recommended to a user, from this version of a method."""

    user: str
    method: str
    model_version: str
    products: list[RecommendedProduct]


@cached(recommender.similar)
def _similar(rows: Rows, asin: str, limit: int) -> Contents:
    if not rows:
        raise HTTPException(404, "there is no product with this asin")
    return {"asin": asin, **_products(rows)}


# One look-up for each limit, because the limit is a part of what a cached response depends on.
@cache
def _recommended(limit: int) -> KeyLookup:
    def lists_by_user(rows: Rows) -> Iterator[tuple[str, Contents]]:
        for user, products in groupby(rows, lambda row: row.pop("reviewer_id")):
            yield user, {"user": user, **_products(list(products)[:limit])}

    return KeyLookup(
        recommender.user_range_starts, (recommender.recommended_in_range,), lists_by_user
    )


@router.get("/products/{asin}/similar", response_model=Similar, responses=NOT_FOUND)
async def similar(queries: Queries, asin: Id, limit: Limit = 10) -> Response:
    """Products similar to a product, the most similar first."""
    return await queries.respond(_similar, asin, limit)


@router.get(
    "/users/{id}/recommendations",
    response_model=Recommendations,
    responses=NOT_FOUND,
    dependencies=OF_A_PERSON,
)
async def recommendations(queries: Queries, id: Id, limit: Limit = 10) -> Response:
    """Products recommended to a user, who is given by the id in the reviews; the best first.

    It answers only where the service has a key.
    """
    return await queries.look_up(
        _recommended(limit), id, "no user with this id has rated a product"
    )


def _products(rows: Rows) -> Contents:
    method, version = rows[0]["method"], rows[0]["model_version"]
    products = [
        {name: value for name, value in row.items() if name not in ("method", "model_version")}
        for row in rows
    ]
    return {"method": method, "model_version": version, "products": products}
