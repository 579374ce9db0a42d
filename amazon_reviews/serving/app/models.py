"""The app's way to the models in use."""

import logging
from typing import TYPE_CHECKING

import streamlit as st

from amazon_reviews import config
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.serving.app.asking import RUN_HINT, UnanswerableError
from amazon_reviews.serving.in_use import InUse, Loaded

if TYPE_CHECKING:
    from amazon_reviews.models.recommender.storage import RecommenderModel
    from amazon_reviews.models.sentiment.classifier import SentimentClassifier

_log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def _sentiment() -> "InUse[SentimentClassifier]":
    # Here because scikit-learn takes long to load, for which the other pages need not wait.
    from amazon_reviews.models.sentiment.storage import load

    settings = config.load()
    return InUse(ModelStore(settings.models, settings.tracking_uri), "sentiment", load)


def sentiment_in_use() -> "Loaded[SentimentClassifier]":
    """The sentiment model in use. Raises UnanswerableError where there is none."""
    from amazon_reviews.models.model_file import ModelFileError

    try:
        found = _sentiment().get()
    except (config.PlaceError, ModelFileError) as error:
        _log.warning("%s", error)
        raise UnanswerableError(
            "The model cannot be read at the moment. The log of this app says why."
        ) from None
    if found is None:
        raise UnanswerableError(f"There is no sentiment model yet. {RUN_HINT}")
    return found


@st.cache_resource(show_spinner=False)
def _recommender() -> "InUse[RecommenderModel]":
    from amazon_reviews.models.recommender.storage import load

    settings = config.load()
    return InUse(ModelStore(settings.models, settings.tracking_uri), "recommender_hybrid", load)


def recommender_in_use() -> "Loaded[RecommenderModel]":
    """The hybrid recommender in use. Raises UnanswerableError where there is none."""
    from amazon_reviews.models.model_file import ModelFileError

    try:
        found = _recommender().get()
    except (config.PlaceError, ModelFileError) as error:
        _log.warning("%s", error)
        raise UnanswerableError(
            "The recommender cannot be read at the moment. The log of this app says why."
        ) from None
    if found is None:
        raise UnanswerableError(f"There is no recommender yet. {RUN_HINT}")
    return found
