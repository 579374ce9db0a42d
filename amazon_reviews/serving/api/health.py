"""Endpoints on the service: liveness, readiness, versions and metrics."""

import os
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel

from amazon_reviews.errors import UnavailableError, WarehouseError
from amazon_reviews.serving.api.cached_queries import QueryCache
from amazon_reviews.serving.api.dependencies import ModelCaches, Models, Queries
from amazon_reviews.serving.model_cache import ModelCache

router = APIRouter(tags=["service"])
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


class Welcome(BaseModel):
    """The name of the service, and the path of its documentation."""

    message: str
    docs: str


class Health(BaseModel):
    """The state of the process."""

    status: str


class Version(BaseModel):
    """Versions of the package, the warehouse's tables and the current models.

    The version of a model that is not available is null.
    """

    version: str
    tables: dict[str, int]
    models: dict[str, int | None]


class Ready(BaseModel):
    """`ready` if the warehouse has tables."""

    ready: bool


class ReadyParts(Ready, Version):
    """Readiness of the service: `missing` lists what is not available yet."""

    missing: list[str]


@router.get("/", response_model=Welcome)
async def welcome() -> Response:
    """Name of the service, and path of its documentation."""
    return _json(
        {"message": "Welcome to the API of Amazon reviews and streaming titles", "docs": "/docs"}
    )


@router.get("/health", response_model=Health)
async def health() -> Response:
    """Liveness of the process."""
    return _json({"status": "ok"})


@router.get(
    "/ready",
    response_model=ReadyParts | Ready,
    responses={503: {"model": ReadyParts | Ready}},
)
async def ready(request: Request, queries: Queries, models: Models) -> Response:
    """Readiness of the service; 503 while the warehouse has no table that can be read.

    Versions and what is missing are left out if a key is set and the request does not have it.
    """
    try:
        tables = await queries.versions()
    except WarehouseError:
        tables = {}
    state: dict[str, Any] = {"ready": bool(tables)}
    if request.state.trusted:
        state |= await _versions(tables, queries, models)
        missing = [name for name, number in state["models"].items() if number is None]
        state["missing"] = missing if tables else ["warehouse", *missing]
    return _json(state, 200 if tables else 503)


@router.get("/version", response_model=Version)
async def versions(queries: Queries, models: Models) -> Response:
    """Versions of the package, the tables and the models."""
    return _json(await _versions(await queries.versions(), queries, models))


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Requests, seconds and errors for Prometheus, of all workers together."""
    registry = request.app.state.registry
    if MULTIPROCESS in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})


async def _versions(
    tables: dict[str, int], queries: QueryCache, models: ModelCaches
) -> dict[str, Any]:
    return {
        "version": version("amazon-reviews"),
        "tables": tables,
        "models": {name: await _model_version(queries, model) for name, model in models.items()},
    }


async def _model_version(queries: QueryCache, model: ModelCache[Any]) -> int | None:
    try:
        loaded = await queries.run_model(model.get)
    except UnavailableError:
        return None
    return loaded and loaded.stored.version


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
