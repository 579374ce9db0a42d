"""Endpoints on what is recommended, and what is alike."""

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.api.cached_queries import Contents, Lookup, replies
from amazon_reviews.serving.api.dependencies import NOT_FOUND, Asking, Versioned
from amazon_reviews.serving.queries import recommender

router = APIRouter(tags=["recommender"])

_ROWS_AT_ONCE = 500

Id = Annotated[str, Path(min_length=1, max_length=64)]
Limit = Annotated[int, Query(ge=1, le=50, description="products at most")]


class SimilarProduct(BaseModel):
    """A product of a list; `cold` where the method knows nothing of what was asked."""

    place: int
    asin: str
    score: float | None
    cold: bool
    title: str | None
    brand: str | None
    main_category: str | None
    price: float | None


class RecommendedProduct(SimilarProduct):
    """A recommended product, and which one the user liked it is recommended for."""

    because_asin: str | None
    because_rating: float | None


class Similar(Versioned):
    """Products like one, by this version of a method."""

    asin: str
    method: str
    model_version: str
    products: list[SimilarProduct]


class Recommendations(Versioned):
    """Products recommended to a user, by this version of a method."""

    user: str
    method: str
    model_version: str
    products: list[RecommendedProduct]


@replies("gold/recommender_similar", "gold/products")
def _similar(warehouse: Warehouse, asin: str, limit: int) -> Contents:
    found = recommender.similar(warehouse, asin).to_pylist()
    if not found:
        raise HTTPException(404, f"nothing is known of a product with the asin {asin}")
    return {"asin": asin, **_listed(found, limit)}


@cache
def _recommended(limit: int) -> Lookup:
    """What is recommended to users, `limit` products to each."""

    def users_from(
        warehouse: Warehouse, first: str, before: str | None
    ) -> Iterator[tuple[str, Contents]]:
        found = recommender.recommended_from(warehouse, first, before, _ROWS_AT_ONCE).to_pylist()
        lists = {
            name: list(rows) for name, rows in groupby(found, lambda row: row.pop("reviewer_id"))
        }
        if len(found) == _ROWS_AT_ONCE and len(lists) > 1:
            # The last one's list may go on.
            lists.popitem()
        return ((name, {"user": name, **_listed(rows, limit)}) for name, rows in lists.items())

    return Lookup(("gold/recommender_top", "gold/products"), users_from)


@router.get("/products/{asin}/similar", response_model=Similar, responses=NOT_FOUND)
async def similar(answers: Asking, asin: Id, limit: Limit = 10) -> Response:
    """Products like one, the most alike first."""
    return await answers.reply(_similar, asin, limit)


@router.get("/users/{id}/recommendations", response_model=Recommendations, responses=NOT_FOUND)
async def recommendations(answers: Asking, id: Id, limit: Limit = 10) -> Response:
    """Products recommended to a user by their id in the reviews, the best first."""
    return await answers.look_up(_recommended(limit), id, f"no user {id} has rated a product")


def _listed(found: list[dict[str, Any]], limit: int) -> Contents:
    method, version = found[0]["method"], found[0]["model_version"]
    products = [
        {name: value for name, value in row.items() if name not in ("method", "model_version")}
        for row in found[:limit]
    ]
    return {"method": method, "model_version": version, "products": products}
