"""The app's way to the models in use."""

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from amazon_reviews import config
from amazon_reviews.errors import LocationError
from amazon_reviews.models.loading import load_model, no_model
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.serving.dashboard.warehouse import UnanswerableError
from amazon_reviews.serving.model_cache import InUse, Loaded

if TYPE_CHECKING:
    from amazon_reviews.models.recommender.model import RecommenderModel
    from amazon_reviews.models.sentiment.classifier import SentimentClassifier

_log = logging.getLogger(__name__)


def sentiment_in_use() -> "Loaded[SentimentClassifier]":
    """The sentiment model in use. Raises UnanswerableError where there is none."""
    return _loaded("sentiment")


def recommender_in_use() -> "Loaded[RecommenderModel]":
    """The hybrid recommender in use. Raises UnanswerableError where there is none."""
    return _loaded("recommender_hybrid")


def title_ratings_in_use() -> "Loaded[RecommenderModel]":
    """The predictor of titles' ratings. Raises UnanswerableError where there is none."""
    return _loaded("title_ratings")


def _loaded(name: str) -> Loaded[Any]:
    from amazon_reviews.errors import ModelFileError

    try:
        found = _in_use(name).get()
    except (LocationError, ModelFileError) as error:
        _log.warning("%s", error)
        raise UnanswerableError(
            f"The model {name} cannot be read at the moment. The log of this app says why."
        ) from None
    if found is None:
        reason = no_model(name)
        raise UnanswerableError(f"{reason[0].upper()}{reason[1:]}. Then reload this page.")
    return found


@st.cache_resource(show_spinner=False)
def _in_use(name: str) -> InUse[Any]:
    settings = config.load()
    return InUse(ModelStore.of(settings), name, partial(load_model, name))
