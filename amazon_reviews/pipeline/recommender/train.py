"""The recommenders in the model store: one for each method, all learned from the same ratings."""

import logging
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pyarrow.compute as pc

from amazon_reviews.errors import ModelFileError
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.models.recommender.interactions import Interactions
from amazon_reviews.models.recommender.methods import method_named
from amazon_reviews.models.recommender.recommender import Recommender
from amazon_reviews.models.recommender.storage import RecommenderModel, load, model_version, save
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore, Record, StoredModel
from amazon_reviews.schemas.recommender import RECOMMENDER_EVALUATION, RECOMMENDER_RATINGS

_log = logging.getLogger(__name__)
Parameters = dict[str, str | int | float]


@dataclass(frozen=True)
class Trained:
    """A recommender that was learned, with what it was made with and how good the method is."""

    model_version: str
    stored: StoredModel
    parameters: Parameters
    metrics: dict[str, float]


def store_name(method: str) -> str:
    """The name of a method's model in the model store."""
    return f"recommender_{method}"


def train(
    lakehouse: Lakehouse, store: ModelStore, method: str, interactions: Interactions
) -> Trained:
    """Learn from all interactions, register the model and put it in use.

    It takes the place of the one in use in any case, as that one does not know the newest users
    and products; the very model that is in use is not registered again.

    Raises:
        UnknownItemsError: there is nothing to learn from; the store is as it was.
        LocationError: the model store cannot be used.
    """
    recommender = method_named(method).fit(interactions)
    model = RecommenderModel(method, recommender, interactions.user_ids, interactions.item_ids)
    ratings = lakehouse.delta(RECOMMENDER_RATINGS.key).version()
    record = Record(
        {
            **parameters_of(recommender),
            "recommender_ratings_version": ratings,
            "ratings": len(interactions),
        },
        _metrics(lakehouse, method),
    )
    return put_in_use(store, store_name(method), model, record)


def put_in_use(store: ModelStore, name: str, model: RecommenderModel, record: Record) -> Trained:
    """Register a model under a name and put it in use; the very one in use stays as it is.

    Raises:
        LocationError: the model store cannot be used.
    """
    version = model_version(model)
    tagged = replace(record, tags={"model_version": version})
    stored = store.current(name)
    try:
        old = model_in_use(store, name)
    except (ModelFileError, OSError) as error:
        _log.warning("the model %s in use is replaced, as it cannot be read: %s", name, error)
        old = None
    if stored is None or old is None or model_version(old) != version:
        with temporary_folder() as folder:
            path = Path(folder) / f"{model.method}.npz"
            save(model, path)
            stored = store.publish(name, path, tagged, make_current=True)
    return Trained(version, stored, dict(record.parameters), dict(record.metrics))


def model_in_use(store: ModelStore, name: str) -> RecommenderModel | None:
    """The model in use under a name; None where there is none yet.

    Raises:
        LocationError: the model store cannot be used.
        ModelFileError: this program cannot read the model's file.
        OSError: its file cannot be opened.
    """
    stored = store.current(name)
    return load(stored.path) if stored else None


def parameters_of(recommender: Recommender) -> Parameters:
    """What a recommender was made with."""
    own = (one.name for one in fields(recommender) if one.init)
    return {name: str(getattr(recommender, name)) for name in own}


def _metrics(lakehouse: Lakehouse, method: str) -> dict[str, float]:
    """What gold/recommender_evaluation says of the method, as "split.figure"."""
    lakehouse.ensure(RECOMMENDER_EVALUATION.key)
    rows = lakehouse.delta(RECOMMENDER_EVALUATION.key).to_pyarrow_table()
    own = rows.filter((pc.field("method") == method) & (pc.field("group") == "all"))
    # MLflow takes no at sign in the name of a figure.
    return {
        f"{row['split']}.{row['figure'].replace('@', '_at_')}": row["value"]
        for row in own.to_pylist()
    }
