"""Whether the service lives, whether it can answer, from what, and how it fares."""

import os
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel

from amazon_reviews.errors import LocationError, ModelFileError
from amazon_reviews.serving.api.cached_queries import Answers, UnreadableError
from amazon_reviews.serving.api.dependencies import Asking, Models, ModelsInUse
from amazon_reviews.serving.model_cache import InUse

router = APIRouter(tags=["service"])
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


class Welcome(BaseModel):
    """What this is."""

    message: str
    docs: str


class Health(BaseModel):
    """The process lives."""

    status: str


class Version(BaseModel):
    """Versions of the package, of the warehouse's tables, and of the models in use.

    A model's is null while there is none.
    """

    version: str
    tables: dict[str, int]
    models: dict[str, int | None]


class Ready(Version):
    """`ready` where the warehouse has tables; `missing` says what a cold start still lacks."""

    ready: bool
    missing: list[str]


@router.get("/", response_model=Welcome)
async def welcome() -> Response:
    """A welcome."""
    return _json(
        {"message": "Welcome to the API of Amazon reviews and streaming titles", "docs": "/docs"}
    )


@router.get("/health", response_model=Health)
async def health() -> Response:
    """Whether the process lives."""
    return _json({"status": "ok"})


@router.get("/ready", response_model=Ready, responses={503: {"model": Ready}})
async def ready(answers: Asking, models: ModelsInUse) -> Response:
    """Whether the service can answer; 503 while it cannot."""
    try:
        found = await _versions(answers, models)
    except UnreadableError:
        found = {"version": version("amazon-reviews"), "tables": {}, "models": {}}
    missing = [] if found["tables"] else ["warehouse"]
    missing += [name for name, number in found["models"].items() if number is None]
    is_ready = bool(found["tables"])
    return _json({**found, "ready": is_ready, "missing": missing}, 200 if is_ready else 503)


@router.get("/version", response_model=Version)
async def versions(answers: Asking, models: ModelsInUse) -> Response:
    """Versions of the package, the tables and the models."""
    return _json(await _versions(answers, models))


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Requests, seconds and errors for Prometheus, of all workers together."""
    registry = request.app.state.registry
    if MULTIPROCESS in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})


async def _versions(answers: Answers, models: Models) -> dict[str, Any]:
    return {
        "version": version("amazon-reviews"),
        "tables": await answers.versions(),
        "models": {name: await _model_version(answers, one) for name, one in models.items()},
    }


async def _model_version(answers: Answers, model: InUse[Any]) -> int | None:
    try:
        loaded = await answers.ask_model(model.get)
    except (LocationError, ModelFileError):
        return None
    return loaded and loaded.stored.version


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
