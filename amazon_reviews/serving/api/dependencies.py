"""Shared parts of the endpoints: their dependencies, and the models of responses and errors."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, status
from pydantic import BaseModel, Field

from amazon_reviews.serving.api.cached_queries import QueryCache
from amazon_reviews.serving.api.settings import ApiSettings
from amazon_reviews.serving.model_cache import ModelCache

SENTIMENT, TITLE_RATINGS = "sentiment", "title_ratings"

ModelCaches = Mapping[str, ModelCache[Any]]


# FastAPI would call a dependency that is not async in a thread, which takes longer than most
# cached responses.
async def _queries(request: Request) -> QueryCache:
    return request.app.state.queries


async def _models(request: Request) -> ModelCaches:
    return request.app.state.models


async def _sentiment_model(request: Request) -> ModelCache[Any]:
    return request.app.state.models[SENTIMENT]


async def _key_is_set(request: Request) -> None:
    """Reject a request of a service without a key; one with a key has compared it already."""
    if not request.app.state.has_key:
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED,
            f"what is known of a person needs a key: set {ApiSettings.variable('key')} and send "
            "it in the header X-API-Key",
        )


async def _title_ratings_model(request: Request) -> ModelCache[Any]:
    return request.app.state.models[TITLE_RATINGS]


Queries = Annotated[QueryCache, Depends(_queries)]
Models = Annotated[ModelCaches, Depends(_models)]
SentimentModel = Annotated[ModelCache[Any], Depends(_sentiment_model)]
TitleRatingsModel = Annotated[ModelCache[Any], Depends(_title_ratings_model)]

OF_A_PERSON = [Depends(_key_is_set)]
"""Dependencies of the endpoints that take the id of a person."""


class Problem(BaseModel):
    """The reason of an error."""

    detail: str


class WrongParameter(BaseModel):
    """A wrong parameter: its location, and the values that are allowed."""

    loc: list[str | int]
    msg: str
    type: str


class WrongParameters(BaseModel):
    """Wrong parameters of a request; `more` is the number of those that are not listed."""

    detail: list[WrongParameter]
    more: int


class Versioned(BaseModel):
    """A response with the versions of the tables that it was made from."""

    versions: dict[str, int] = Field(examples=[{"gold/titles": 3}])


class ModelVersion(BaseModel):
    """A version of a registered model."""

    name: str
    version: int


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request cannot be read"},
    401: {"model": Problem, "description": "The key is missing or wrong"},
    413: {"model": Problem, "description": "The body is too large"},
    422: {"model": WrongParameters, "description": "A parameter is wrong"},
    429: {"model": Problem, "description": "Too many requests"},
    503: {"model": Problem, "description": "The data or the model is not available yet"},
    504: {"model": Problem, "description": "The response takes too long"},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "Nothing is found for these parameters"}
}
