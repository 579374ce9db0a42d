"""Publication of fitted recommenders in the model store, as the current versions."""

import logging
from dataclasses import dataclass, fields, replace
from pathlib import Path

from amazon_reviews.disk import explaining, temporary_files
from amazon_reviews.errors import ModelFileError
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.models.loading import load_model
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.models.recommender.recommender import Recommender
from amazon_reviews.models.recommender.storage import model_version, save
from amazon_reviews.resources.model_store import ModelStore, Record, StoredModel

_log = logging.getLogger(__name__)
Parameters = dict[str, str | int | float]


@dataclass(frozen=True)
class Trained:
    """A trained recommender with its parameters, and the metrics of its method."""

    model_version: str
    stored: StoredModel
    parameters: Parameters
    metrics: dict[str, float]


def publish(store: ModelStore, name: str, model: RecommenderModel, record: Record) -> Trained:
    """Register a model under `name` and make it current, unless it equals the current one.

    Raises:
        LocationError: the model store cannot be used.
    """
    version = model_version(model)
    stored = store.current(name)
    if stored is None or _version_of_file(store, name, stored.path) != version:
        tagged = replace(record, tags={"model_version": version})
        with explaining(temporary_files()), temporary_folder() as folder:
            path = Path(folder) / f"{model.method}.npz"
            save(model, path)
            stored = store.publish(name, path, tagged, make_current=True)
    return Trained(version, stored, dict(record.parameters), dict(record.metrics))


def parameters_of(recommender: Recommender) -> Parameters:
    """Return the parameters of a recommender by name."""
    names = (field.name for field in fields(recommender) if field.init)
    return {name: str(getattr(recommender, name)) for name in names}


def _version_of_file(store: ModelStore, name: str, path: Path) -> str | None:
    """Return the version of a stored model; None, with a warning, if its file is damaged."""
    try:
        store.check(name)
        return model_version(load_model(name, path))
    except ModelFileError as error:
        _log.warning("the current model %s is replaced, as it is damaged: %s", name, error)
        return None
