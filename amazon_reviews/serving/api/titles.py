"""Endpoints on streaming titles; each question also under its name in the source system."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, Field

from amazon_reviews.models.minimums import no_model
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.vocabulary import Platform as PlatformName
from amazon_reviews.serving.api.cached_queries import Contents, Lookup, replies
from amazon_reviews.serving.api.dependencies import (
    NOT_FOUND,
    Asking,
    ModelVersion,
    TitleRatingsInUse,
    Versioned,
)
from amazon_reviews.serving.model_cache import InUse
from amazon_reviews.serving.queries import titles
from amazon_reviews.serving.queries.titles import TitleFilters

router = APIRouter(tags=["titles"])

_AT_ONCE = 200

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
    """Titles that were found, most ratings first."""

    titles: list[Title]


class Prediction(BaseModel):
    """What a user would give a title, from 0.5 to 5, and the model that says so.

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
    """An actor, and in how many titles they appear."""

    actor: str
    appearances: int


@replies("gold/titles")
def _longest(warehouse: Warehouse, filters: TitleFilters) -> Contents:
    return _one(titles.longest(warehouse, filters).to_pylist(), f"with {_shown(filters)}")


@replies("gold/titles")
def _score_count(warehouse: Warehouse, filters: TitleFilters, above: float) -> Contents:
    (row,) = titles.score_count(warehouse, filters, above).to_pylist()
    return {"count": row["titles"]}


@replies("gold/titles")
def _count(warehouse: Warehouse, filters: TitleFilters) -> Contents:
    (row,) = titles.count(warehouse, filters).to_pylist()
    return {"count": row["titles"]}


@replies("gold/title_actors")
def _top_actor(warehouse: Warehouse, filters: TitleFilters) -> Contents:
    found = titles.top_actors(warehouse, filters).to_pylist()
    if not found:
        raise HTTPException(404, f"no title with {_shown(filters)} names its cast")
    return {"actor": found[0]["actor"], "appearances": found[0]["titles"]}


def _from(warehouse: Warehouse, first: str, before: str | None) -> Iterator[tuple[str, Contents]]:
    rows = titles.titles_from(warehouse, first, before, _AT_ONCE).to_pylist()
    return ((row["id"], _plain(row)) for row in rows)


_TITLES = Lookup(("gold/titles",), _from)


@replies("gold/titles")
def _search(warehouse: Warehouse, text: str, filters: TitleFilters, limit: int) -> Contents:
    found = titles.search(warehouse, text, filters, limit).to_pylist()
    return {"titles": [_plain(row) for row in found]}


@router.get("/titles/max-duration", response_model=OneTitle, responses=NOT_FOUND)
@router.get("/get_max_duration", response_model=OneTitle, responses=NOT_FOUND)
async def max_duration(
    answers: Asking,
    year: Year = None,
    platform: Platform = None,
    duration_type: Unit = "min",
    type: Kind = "all",
) -> Response:
    """The longest title: in minutes, or in seasons."""
    filters = TitleFilters(platform, year, _kind(type), duration_type)
    return await answers.reply(_longest, filters)


@router.get("/titles/score-count", response_model=Count)
@router.get("/get_score_count", response_model=Count)
async def score_count(
    answers: Asking,
    scored: Annotated[float, Query(ge=0, le=5, description="mean ratings above this count")],
    platform: Platform = None,
    year: Year = None,
    type: Kind = "movie",
) -> Response:
    """How many films have a mean rating above a value."""
    return await answers.reply(_score_count, TitleFilters(platform, year, _kind(type)), scored)


@router.get("/titles/count", response_model=Count)
@router.get("/get_count_platform", response_model=Count)
async def count(answers: Asking, platform: Platform = None, type: Kind = "movie") -> Response:
    """How many films a platform has."""
    return await answers.reply(_count, TitleFilters(platform, type=_kind(type)))


@router.get("/titles/top-actor", response_model=Actor, responses=NOT_FOUND)
@router.get("/get_actor", response_model=Actor, responses=NOT_FOUND)
async def top_actor(
    answers: Asking, platform: Platform = None, year: Year = None, type: Kind = "all"
) -> Response:
    """The actor who appears in most titles; among equals the first by name."""
    return await answers.reply(_top_actor, TitleFilters(platform, year, _kind(type)))


@router.get("/titles", response_model=FoundTitles)
async def search(
    answers: Asking,
    search: Text,
    platform: Platform = None,
    year: Year = None,
    type: Kind = "all",
    limit: Limit = 20,
) -> Response:
    """Titles by a part of their name, or by their id."""
    filters = TitleFilters(platform, year, _kind(type))
    return await answers.reply(_search, search, filters, limit)


@router.get("/titles/predict", response_model=Prediction)
async def predict(
    answers: Asking,
    in_use: TitleRatingsInUse,
    user: Annotated[str, Query(min_length=1, max_length=64, description="id of a user")],
    title: Annotated[str, Query(min_length=1, max_length=64, examples=["hs464"])],
) -> Response:
    """The rating that a user would give a title, whether either is known or not."""
    body = await answers.ask_model(lambda: orjson.dumps(_predicted(in_use, user, title.lower())))
    return Response(body, media_type="application/json")


@router.get("/titles/{id}", response_model=OneTitle, responses=NOT_FOUND)
async def title(
    answers: Asking, id: Annotated[str, Path(min_length=1, max_length=64, examples=["hs464"])]
) -> Response:
    """One title by its id: first letter of the platform, then the platform's own id."""
    key = id.lower()
    return await answers.look_up(_TITLES, key, f"there is no title with the id {key}")


def _predicted(in_use: InUse[Any], user: str, title: str) -> Contents:
    from amazon_reviews.models.recommender.predict import predict_rating

    loaded = in_use.get()
    if loaded is None:
        raise HTTPException(503, no_model("title_ratings"))
    found = predict_rating(loaded.model, user, title)
    return {
        "user": user,
        "title": title,
        "rating": round(found.rating, 4),
        "user_known": found.knows_user,
        "title_known": found.knows_item,
        "model": {"name": loaded.stored.name, "version": loaded.stored.version},
    }


def _kind(type: Kind) -> str | None:
    return None if type == "all" else type


def _one(found: list[dict[str, Any]], which: str) -> Contents:
    if not found:
        raise HTTPException(404, f"there is no title {which}")
    return _plain(found[0])


def _plain(row: dict[str, Any]) -> Contents:
    return {name: value for name, value in row.items() if name != "rescued"}


def _shown(filters: TitleFilters) -> str:
    given = {name: value for name, value in vars(filters).items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in given.items()) or "any values"
