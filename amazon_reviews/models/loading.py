"""The stored models by name: the least data of each, and the loader of its file."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, overload

from amazon_reviews.errors import ModelFileError

if TYPE_CHECKING:
    from amazon_reviews.models.recommender.model import RecommenderModel
    from amazon_reviews.models.sentiment.classifier import SentimentClassifier

FEWEST_REVIEWS = 200
"""Reviews of 1, 2, 4 or 5 stars below which no sentiment model is trained."""
FEWEST_TITLE_RATINGS = 100
"""Ratings of known titles below which no model of title ratings is trained."""

ONLY_GENERATED = (
    "The sentiment model learned from generated reviews of a sample only: what it says about real "
    "texts means little."
)
"""The note on everything that such a model says."""

SENTIMENT: Literal["sentiment"] = "sentiment"
TITLE_RATINGS = "title_ratings"

_RECOMMENDER = "recommender_"
_MISSING = {
    SENTIMENT: (
        "sentiment model",
        f"{FEWEST_REVIEWS} reviews of 1, 2, 4 or 5 stars, positive and negative ones",
    ),
    TITLE_RATINGS: (
        "model of title ratings",
        f"{FEWEST_TITLE_RATINGS} ratings of known titles",
    ),
}


class StoredFile(Protocol):
    """A model's file on this machine; a protocol, as the models know no model store."""

    @property
    def path(self) -> Path:
        """The file."""


class Store(Protocol):
    """The model store, as far as a loader needs it."""

    def current(self, name: str) -> StoredFile | None:
        """Return the current version of a model, or None before the first one."""


def recommender_name(method: str) -> str:
    """Return the name of a method's model in the model store."""
    return f"{_RECOMMENDER}{method}"


def no_model(name: str) -> str:
    """Return the message for a missing model: the asset to build, and the data it needs."""
    kind, data = ("recommender", "one rated review")
    if not name.startswith(_RECOMMENDER):
        kind, data = _MISSING[name]
    asset = f"`amazon-reviews run` makes the asset model/{name}"
    return f"there is no {kind}; {asset} from at least {data}"


# The literal name of the sentiment model gives its type; all other models are recommenders.
@overload
def load_model(name: Literal["sentiment"], path: Path) -> "SentimentClassifier": ...
@overload
def load_model(name: str, path: Path) -> "RecommenderModel": ...
def load_model(name: str, path: Path) -> "SentimentClassifier | RecommenderModel":
    """Return the model in a file that is stored under `name`.

    Raises:
        ModelFileError: the file cannot be opened, is something else, or is damaged.
    """
    # The one place that loads scikit-learn or implicit for a model: both take seconds, which a
    # command, a page or a service that needs no model must not wait for.
    try:
        if name == SENTIMENT:
            from amazon_reviews.models.sentiment import storage as sentiment

            return sentiment.load(path)
        from amazon_reviews.models.recommender import storage as recommender

        return recommender.load(path)
    except OSError as error:
        raise ModelFileError(f"{error.filename} cannot be read: {error.strerror}") from error


@overload
def current_model(store: Store, name: Literal["sentiment"]) -> "SentimentClassifier | None": ...
@overload
def current_model(store: Store, name: str) -> "RecommenderModel | None": ...
def current_model(store: Store, name: str) -> "SentimentClassifier | RecommenderModel | None":
    """Return the current model under `name`, or None before the first one.

    Raises:
        LocationError: the model store cannot be used.
        ModelFileError: its file cannot be read; the text says how to replace it.
    """
    stored = store.current(name)
    if stored is None:
        return None
    try:
        return load_model(name, stored.path)
    except ModelFileError as error:
        raise ModelFileError(f"{error}; materialize the asset model/{name} again") from error
