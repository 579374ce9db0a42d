"""The current model of the model store."""

from typing import Any

from amazon_reviews import config
from amazon_reviews.errors import UsageError
from amazon_reviews.models.loading import current_model, no_model
from amazon_reviews.resources.model_store import ModelStore


def stored_model(name: str) -> Any:
    """Return the current model of this name.

    Raises:
        UsageError: no model is stored yet.
        LocationError: the model store cannot be used.
        ModelFileError: the file of the model cannot be read; the text says how to replace it.
    """
    model = current_model(ModelStore.of(config.load()), name)
    if model is None:
        raise UsageError(no_model(name))
    return model
