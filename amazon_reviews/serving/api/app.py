"""The API service: its endpoints, middleware and error handlers."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware

from amazon_reviews import config, redaction
from amazon_reviews.errors import UnavailableError
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.serving.api import health, recommender, reviews, sentiment, titles
from amazon_reviews.serving.api.cached_queries import QueryCache
from amazon_reviews.serving.api.dependencies import (
    PROBLEMS,
    SENTIMENT,
    TITLE_RATINGS,
    ModelCaches,
)
from amazon_reviews.serving.api.middleware import Guard, Metrics
from amazon_reviews.serving.api.settings import ApiSettings, load_api
from amazon_reviews.serving.model_cache import open_model_cache

_log = logging.getLogger(__name__)
# By default a thread that computes would make the event loop wait ten times as long.
_SWITCH_SECONDS = 0.0005


def create_app() -> FastAPI:
    """Return the service with the settings of the environment.

    Raises:
        SettingsError: a setting cannot be used.
    """
    # Each worker is a process of its own.
    redaction.install()
    return service(config.load(), load_api())


def service(settings: config.Settings, limits: ApiSettings) -> FastAPI:
    """Return the service on the warehouse and models of the settings."""
    app = FastAPI(
        title="Amazon reviews and streaming titles",
        description=(
            "Reads the warehouse and the models. Every response names the versions of the tables "
            "or the model that it was made from."
        ),
        version="1",
        responses=PROBLEMS,
        lifespan=_load_models,
    )
    sys.setswitchinterval(_SWITCH_SECONDS)
    app.state.queries = QueryCache(open_warehouse(settings.warehouse), limits.seconds)
    app.state.models = {
        name: open_model_cache(settings, name) for name in (SENTIMENT, TITLE_RATINGS)
    }
    app.state.has_key = bool(limits.key.get_secret_value())
    app.state.registry = CollectorRegistry()
    for endpoints in (health, titles, reviews, recommender, sentiment):
        app.include_router(endpoints.router)
    app.add_middleware(Guard, settings=limits, metrics=Metrics(app.state.registry))
    if limits.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=limits.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["X-API-Key"],
        )
    app.add_exception_handler(RequestValidationError, _wrong_parameters)
    app.add_exception_handler(UnavailableError, _unavailable)
    app.add_exception_handler(Exception, _failed)
    return app


@asynccontextmanager
async def _load_models(app: FastAPI) -> AsyncIterator[None]:
    """Load the models in a thread: it takes seconds, and look-ups do not need them."""
    Thread(target=_load_quietly, args=(app.state.models,), daemon=True).start()
    yield


def _load_quietly(models: ModelCaches) -> None:
    for name, model in models.items():
        # The first request that needs the model raises the error again.
        try:
            model.get()
        except Exception as error:  # noqa: BLE001
            _log.warning("no %s model is loaded: %s", name, error)


async def _wrong_parameters(request: Request, error: Exception) -> JSONResponse:
    """Name each wrong parameter and what is allowed; the sent value is not repeated."""
    assert isinstance(error, RequestValidationError)
    detail = [{name: each[name] for name in ("loc", "msg", "type")} for each in error.errors()]
    return JSONResponse({"detail": detail}, 422)


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    """Write the error to the log only: its text may name a path of this machine."""
    _log.warning("%s", error)
    detail = "the warehouse or the models cannot be read at the moment; try again later"
    return JSONResponse({"detail": detail}, 503, {"retry-after": "5"})


async def _failed(request: Request, error: Exception) -> JSONResponse:
    """Tell the client nothing of the error; the server writes it to its log."""
    return JSONResponse({"detail": "the service failed; its log has the reason"}, 500)
