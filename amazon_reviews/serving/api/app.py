"""The service: endpoints, what guards them, and what is said when something goes wrong."""

import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from threading import Thread

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware

from amazon_reviews import config
from amazon_reviews.errors import LocationError, ModelFileError
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.models.loading import load_model
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.serving.api import health, recommender, reviews, sentiment, titles
from amazon_reviews.serving.api.cached_queries import Answers, UnreadableError
from amazon_reviews.serving.api.dependencies import PROBLEMS, SENTIMENT, TITLE_RATINGS, Models
from amazon_reviews.serving.api.middleware import Guard, Metrics
from amazon_reviews.serving.api.settings import ApiSettings, load_api
from amazon_reviews.serving.model_cache import InUse

_log = logging.getLogger(__name__)
# A thread that computes would let the one that answers wait ten times as long.
_SWITCH_SECONDS = 0.0005
# Less than the grace period after which a signal ends the process.
_LAST_SECONDS = 2


def create_app() -> FastAPI:
    """The service with the settings of the environment.

    Raises:
        SettingsError: a setting cannot be used.
    """
    return service(config.load(), load_api())


def service(settings: config.Settings, limits: ApiSettings) -> FastAPI:
    """The service on this warehouse and these models."""
    app = FastAPI(
        title="Amazon reviews and streaming titles",
        description="What the warehouse and the models say. Every reply names its versions.",
        version="1",
        responses=PROBLEMS,
        lifespan=_loading,
    )
    sys.setswitchinterval(_SWITCH_SECONDS)
    app.state.answers = Answers(open_warehouse(settings.warehouse), limits.seconds)
    store = ModelStore.of(settings)
    app.state.models = {
        name: InUse(store, name, partial(load_model, name)) for name in (SENTIMENT, TITLE_RATINGS)
    }
    app.state.registry = CollectorRegistry()
    for part in (health, titles, reviews, recommender, sentiment):
        app.include_router(part.router)
    app.add_middleware(Guard, settings=limits, metrics=Metrics(app.state.registry))
    if limits.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=limits.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["X-API-Key"],
        )
    app.add_exception_handler(RequestValidationError, _wrong_parameters)
    app.add_exception_handler(UnreadableError, _unreadable)
    app.add_exception_handler(LocationError, _unreadable)
    app.add_exception_handler(ModelFileError, _unreadable)
    app.add_exception_handler(Exception, _failed)
    return app


@asynccontextmanager
async def _loading(app: FastAPI) -> AsyncIterator[None]:
    """Load the models while the first requests come: it takes seconds, look-ups need not wait."""
    Thread(target=_load_quietly, args=(app.state.models,), daemon=True).start()
    yield


def _load_quietly(models: Models) -> None:
    for name, model in models.items():
        # Whatever it is, the first request that needs the model meets it again.
        try:
            model.get()
        except Exception as error:  # noqa: BLE001
            _log.warning("no %s model is loaded: %s", name, error)


async def _wrong_parameters(request: Request, error: Exception) -> JSONResponse:
    """What is wrong, and what is allowed, without what was sent."""
    assert isinstance(error, RequestValidationError)
    detail = [{name: found[name] for name in ("loc", "msg", "type")} for found in error.errors()]
    return JSONResponse({"detail": detail}, 422)


async def _unreadable(request: Request, error: Exception) -> JSONResponse:
    _log.warning("%s", error)
    said = "the warehouse or the models cannot be read at the moment; ask again later"
    return JSONResponse({"detail": said}, 503, {"retry-after": "5"})


async def _failed(request: Request, error: Exception) -> JSONResponse:
    """The server writes the error to its log; nothing of it leaves."""
    return JSONResponse({"detail": "the service failed; its log says why"}, 500)


def serve(host: str, port: int, workers: int) -> None:
    """Serve until interrupted."""
    import uvicorn

    with temporary_folder(prefix="amazon_reviews_metrics_") as folder:
        if workers > 1:
            os.environ[health.MULTIPROCESS] = folder
        uvicorn.run(
            f"{__name__}:create_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            access_log=False,
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=_LAST_SECONDS,
        )
