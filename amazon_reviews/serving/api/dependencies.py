"""What the endpoints share: their dependencies, and what every reply looks like."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from amazon_reviews.serving.api.cached_queries import Answers
from amazon_reviews.serving.model_cache import InUse

SENTIMENT, TITLE_RATINGS = "sentiment", "title_ratings"

Models = Mapping[str, InUse[Any]]


# A dependency that is not async would be called in a thread, which costs more than most replies.
async def _answers(request: Request) -> Answers:
    return request.app.state.answers


async def _models(request: Request) -> Models:
    return request.app.state.models


async def _sentiment(request: Request) -> InUse[Any]:
    return request.app.state.models[SENTIMENT]


async def _title_ratings(request: Request) -> InUse[Any]:
    return request.app.state.models[TITLE_RATINGS]


Asking = Annotated[Answers, Depends(_answers)]
ModelsInUse = Annotated[Models, Depends(_models)]
SentimentInUse = Annotated[InUse[Any], Depends(_sentiment)]
TitleRatingsInUse = Annotated[InUse[Any], Depends(_title_ratings)]


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str


class WrongParameter(BaseModel):
    """A parameter that is not as it must be, where it is, and what is allowed."""

    loc: list[str | int]
    msg: str
    type: str


class WrongParameters(BaseModel):
    """Everything that is wrong with a request."""

    detail: list[WrongParameter]


class Versioned(BaseModel):
    """A reply, with the versions of the tables that it was made from."""

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
    503: {"model": Problem, "description": "Not there yet, or not readable at the moment"},
    504: {"model": Problem, "description": "No answer in time"},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "Nothing is known of it"}
}
