"""Current models of the dashboard."""

import logging
from typing import TYPE_CHECKING, Any

import streamlit as st

from amazon_reviews import config
from amazon_reviews.errors import LocationError, ModelFileError, NoDataError
from amazon_reviews.models.loading import no_model
from amazon_reviews.serving.model_cache import Loaded, ModelCache, open_model_cache

if TYPE_CHECKING:
    from amazon_reviews.models.recommender.model import RecommenderModel
    from amazon_reviews.models.sentiment.classifier import SentimentClassifier

_log = logging.getLogger(__name__)


def sentiment_model() -> "Loaded[SentimentClassifier]":
    """Return the current sentiment model. Raises NoDataError if it is not available."""
    return _loaded("sentiment")


def recommender_model() -> "Loaded[RecommenderModel]":
    """Return the current hybrid recommender. Raises NoDataError if it is not available."""
    return _loaded("recommender_hybrid")


def title_ratings_model() -> "Loaded[RecommenderModel]":
    """Return the current predictor of title ratings. Raises NoDataError if not available."""
    return _loaded("title_ratings")


def _loaded(name: str) -> Loaded[Any]:
    try:
        loaded = _cache(name).get()
    except (LocationError, ModelFileError) as error:
        _log.warning("%s", error)
        raise NoDataError(
            f"The model {name} cannot be read at the moment. The log of this app has the reason."
        ) from None
    if loaded is None:
        reason = no_model(name)
        raise NoDataError(f"{reason[0].upper()}{reason[1:]}. Then reload this page.")
    return loaded


@st.cache_resource(show_spinner=False)
def _cache(name: str) -> ModelCache[Any]:
    return open_model_cache(config.load(), name)
