"""Endpoints on streaming titles, some also under their paths in the streaming-titles API."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, Field

from amazon_reviews.models.loading import no_model
from amazon_reviews.schemas.vocabulary import Platform as PlatformName
from amazon_reviews.serving.api.cached_queries import Contents, KeyLookup, Rows, cached
from amazon_reviews.serving.api.dependencies import (
    NOT_FOUND,
    OF_A_PERSON,
    ModelVersion,
    Queries,
    TitleRatingsModel,
    Versioned,
)
from amazon_reviews.serving.model_cache import ModelCache
from amazon_reviews.serving.queries import titles
from amazon_reviews.serving.queries.titles import TitleFilters

router = APIRouter(tags=["titles"])

Platform = Annotated[PlatformName | None, Query(description="one platform only")]
Year = Annotated[int | None, Query(ge=1870, le=2100, description="year of release")]
Unit = Annotated[Literal["min", "season"], Query(description="unit of the duration")]
Kind = Literal["movie", "tv show", "all"]
Text = Annotated[str, Query(min_length=1, max_length=100, description="part of the name, or an id")]
Limit = Annotated[int, Query(ge=1, le=100)]


class Title(BaseModel):
    """A title of a platform."""

    id: str = Field(examples=["hs464"])
    platform: str
    type: str
    title: str
    director: str | None
    actors: list[str] | None
    country: str | None
    date_added: date | None
    release_year: int | None
    rating: str
    rating_imputed: bool
    duration_int: int | None
    duration_type: str | None
    listed_in: str | None
    description: str | None
    mean_rating: float | None
    mean_rating_rounded: float | None
    ratings: int


class OneTitle(Title, Versioned):
    """One title."""


class FoundTitles(Versioned):
    """Titles that match a search, most ratings first."""

    titles: list[Title]


class Prediction(BaseModel):
    """The predicted rating of a title by a user, from 0.5 to 5, and the version of the model.

    An unknown user or title counts as an average one.
    """

    user: str
    title: str
    rating: float
    user_known: bool
    title_known: bool
    model: ModelVersion


class Count(Versioned):
    """Number of titles."""

    count: int


class Actor(Versioned):
    """An actor, and the number of titles that they appear in."""

    actor: str
    appearances: int


@cached(titles.longest)
def _longest(rows: Rows, filters: TitleFilters) -> Contents:
    if not rows:
        raise HTTPException(404, "there is no title with these parameters")
    return _title(rows[0])


@cached(titles.score_count)
def _score_count(rows: Rows, filters: TitleFilters, above: float) -> Contents:
    return {"count": rows[0]["titles"]}


@cached(titles.count)
def _count(rows: Rows, filters: TitleFilters) -> Contents:
    return {"count": rows[0]["titles"]}


@cached(titles.top_actors)
def _top_actor(rows: Rows, filters: TitleFilters) -> Contents:
    if not rows:
        raise HTTPException(404, "no title with these parameters names its cast")
    return {"actor": rows[0]["actor"], "appearances": rows[0]["titles"]}


@cached(titles.search)
def _search(rows: Rows, text: str, filters: TitleFilters, limit: int) -> Contents:
    return {"titles": [_title(row) for row in rows]}


def _titles_by_id(rows: Rows) -> Iterator[tuple[str, Contents]]:
    return ((row["id"], _title(row)) for row in rows)


_TITLES = KeyLookup(titles.title_range_starts, (titles.titles_in_range,), _titles_by_id)


@router.get("/titles/max-duration", response_model=OneTitle, responses=NOT_FOUND)
@router.get("/get_max_duration", response_model=OneTitle, responses=NOT_FOUND)
async def max_duration(
    queries: Queries,
    year: Year = None,
    platform: Platform = None,
    duration_type: Unit = "min",
    type: Kind = "all",
) -> Response:
    """The longest title, in minutes or in seasons."""
    filters = TitleFilters(platform, year, _kind(type), duration_type)
    return await queries.respond(_longest, filters)


@router.get("/titles/score-count", response_model=Count)
@router.get("/get_score_count", response_model=Count)
async def score_count(
    queries: Queries,
    scored: Annotated[float, Query(ge=0, le=5, description="count mean ratings above this")],
    platform: Platform = None,
    year: Year = None,
    type: Kind = "movie",
) -> Response:
    """Number of titles with a mean rating above a value."""
    return await queries.respond(_score_count, TitleFilters(platform, year, _kind(type)), scored)


@router.get("/titles/count", response_model=Count)
@router.get("/get_count_platform", response_model=Count)
async def count(queries: Queries, platform: Platform = None, type: Kind = "movie") -> Response:
    """Number of titles of a platform."""
    return await queries.respond(_count, TitleFilters(platform, type=_kind(type)))


@router.get("/titles/top-actor", response_model=Actor, responses=NOT_FOUND)
@router.get("/get_actor", response_model=Actor, responses=NOT_FOUND)
async def top_actor(
    queries: Queries, platform: Platform = None, year: Year = None, type: Kind = "all"
) -> Response:
    """The actor who appears in most titles; of several, the first by name."""
    return await queries.respond(_top_actor, TitleFilters(platform, year, _kind(type)))


@router.get("/titles", response_model=FoundTitles)
async def search(
    queries: Queries,
    search: Text,
    platform: Platform = None,
    year: Year = None,
    type: Kind = "all",
    limit: Limit = 20,
) -> Response:
    """Titles by a part of their name, or by their id."""
    filters = TitleFilters(platform, year, _kind(type))
    return await queries.respond(_search, search, filters, limit)


@router.get("/titles/predict", response_model=Prediction, dependencies=OF_A_PERSON)
async def predict(
    queries: Queries,
    cache: TitleRatingsModel,
    user: Annotated[str, Query(min_length=1, max_length=64, description="id of a user")],
    title: Annotated[str, Query(min_length=1, max_length=64, examples=["hs464"])],
) -> Response:
    """The predicted rating of a title by a user; both may be unknown.

    It answers only where the service has a key.
    """
    body = await queries.run_model(lambda: orjson.dumps(_predict(cache, user, title.lower())))
    return Response(body, media_type="application/json")


@router.get("/titles/{id}", response_model=OneTitle, responses=NOT_FOUND)
async def title(
    queries: Queries, id: Annotated[str, Path(min_length=1, max_length=64, examples=["hs464"])]
) -> Response:
    """One title by its id: the first letter of the platform, then the platform's id."""
    return await queries.look_up(_TITLES, id.lower(), "there is no title with this id")


def _predict(cache: ModelCache[Any], user: str, title: str) -> Contents:
    # Here because it loads implicit, which takes a second: see model_cache.

    loaded = cache.get()
    if loaded is None:
        raise HTTPException(503, no_model("title_ratings"))
    predicted = loaded.model.predict_rating(user, title)
    return {
        "user": user,
        "title": title,
        "rating": round(predicted.rating, 4),
        "user_known": predicted.knows_user,
        "title_known": predicted.knows_item,
        "model": {"name": loaded.stored.name, "version": loaded.stored.version},
    }


def _kind(type: Kind) -> str | None:
    return None if type == "all" else type


def _title(row: dict[str, Any]) -> Contents:
    return {name: value for name, value in row.items() if name != "rescued"}
