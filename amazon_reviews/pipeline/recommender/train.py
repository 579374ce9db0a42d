"""Training of the recommenders: one model per method, all from the same ratings."""

import pyarrow.compute as pc

from amazon_reviews.models.loading import recommender_name
from amazon_reviews.models.recommender.interactions import Interactions
from amazon_reviews.models.recommender.methods import method_named
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.pipeline.recommender.publish import Trained, parameters_of, publish
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews.schemas.recommender import RECOMMENDER_EVALUATION, RECOMMENDER_RATINGS


def train(
    lakehouse: Lakehouse, store: ModelStore, method: str, interactions: Interactions
) -> Trained:
    """Learn from all interactions, register the model and make it current.

    It always replaces the current model, which lacks the newest users and products. A model that
    equals the current one is not registered again.

    Raises:
        UnknownItemsError: there is nothing to learn from; the store is unchanged.
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
    return publish(store, recommender_name(method), model, record)


def _metrics(lakehouse: Lakehouse, method: str) -> dict[str, float]:
    """Return the figures of the method in gold/recommender_evaluation, named "split.figure"."""
    lakehouse.ensure(RECOMMENDER_EVALUATION.key)
    table = lakehouse.delta(RECOMMENDER_EVALUATION.key).to_pyarrow_table()
    rows = table.filter((pc.field("method") == method) & (pc.field("group") == "all"))
    # MLflow does not allow an at sign in the name of a metric.
    return {
        f"{row['split']}.{row['figure'].replace('@', '_at_')}": row["value"]
        for row in rows.to_pylist()
    }
