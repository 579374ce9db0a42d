"""The recommenders in the model store: one for each method, all learned from the same ratings."""

import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow.compute as pc

from amazon_reviews.models.model_file import ModelFileError
from amazon_reviews.models.recommender.interactions import Interactions
from amazon_reviews.models.recommender.methods import method_named
from amazon_reviews.models.recommender.recommender import Recommender
from amazon_reviews.models.recommender.storage import RecommenderModel, load, model_version, save
from amazon_reviews.resources.lakehouse import Lakehouse
from amazon_reviews.resources.model_store import ModelStore, Record, StoredModel
from amazon_reviews.schemas.recommender import RECOMMENDER_EVALUATION, RECOMMENDER_RATINGS

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
        UnknownError: there is nothing to learn from; the store is as it was.
        PlaceError: the model store cannot be used.
    """
    recommender = method_named(method).fit(interactions)
    model = RecommenderModel(method, recommender, interactions.user_ids, interactions.item_ids)
    version = model_version(model)
    record = Record(
        parameters=_parameters(recommender, lakehouse, len(interactions)),
        metrics=_metrics(lakehouse, method),
        tags={"model_version": version},
    )
    stored = _stored(store, model, version, record)
    return Trained(version, stored, dict(record.parameters), dict(record.metrics))


def model_in_use(store: ModelStore, method: str) -> RecommenderModel | None:
    """The method's model in use; one that this program cannot read is none, and is replaced.

    Raises:
        PlaceError: the model store cannot be used.
    """
    stored = store.current(store_name(method))
    if stored is None:
        return None
    try:
        return load(stored.path)
    except ModelFileError:
        return None


def _stored(
    store: ModelStore, model: RecommenderModel, version: str, record: Record
) -> StoredModel:
    old, stored = model_in_use(store, model.method), store.current(store_name(model.method))
    if old and stored and model_version(old) == version:
        return stored
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{model.method}.npz"
        save(model, path)
        return store.publish(store_name(model.method), path, record, in_use=True)


def _parameters(recommender: Recommender, lakehouse: Lakehouse, rows: int) -> Parameters:
    found: Parameters = {
        one.name: str(getattr(recommender, one.name)) for one in fields(recommender) if one.init
    }
    ratings = lakehouse.delta(RECOMMENDER_RATINGS.key).version()
    return {**found, "recommender_ratings_version": ratings, "ratings": rows}


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
