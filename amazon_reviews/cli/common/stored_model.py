"""The current model of the model store."""

from typing import Any

from amazon_reviews import config
from amazon_reviews.errors import ModelFileError, UsageError
from amazon_reviews.models.minimums import no_model
from amazon_reviews.resources.model_store import ModelStore


def stored_model(name: str) -> Any:
    """Return the current model of this name.

    Raises:
        UsageError: no model is stored yet.
        LocationError: the model store cannot be used.
        ModelFileError: the file of the model cannot be read; the text says how to replace it.
    """
    stored = ModelStore.of(config.load()).current(name)
    if stored is None:
        raise UsageError(no_model(name))
    # Here because scikit-learn and implicit take seconds to import.
    if name == "sentiment":
        from amazon_reviews.models.sentiment.storage import load
    else:
        from amazon_reviews.models.recommender.storage import load  # type: ignore[assignment]
    try:
        return load(stored.path)
    except ModelFileError as error:
        raise ModelFileError(f"{error}; materialize the asset model/{name} again") from None
    except OSError as error:
        raise ModelFileError(f"{error.filename} cannot be read: {error.strerror}") from None
