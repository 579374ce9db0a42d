"""The rating that a user would give, by ids, known or not."""

from dataclasses import dataclass

from amazon_reviews.models.recommender.interactions import codes_of
from amazon_reviews.models.recommender.storage import RecommenderModel


@dataclass(frozen=True)
class PredictedRating:
    """Stars, and whether the model has learned from ratings of the user, and of the item.

    An unknown one counts as an average one.
    """

    rating: float
    knows_user: bool
    knows_item: bool


def predict_rating(model: RecommenderModel, user: str, item: str) -> PredictedRating:
    """What the user would give the item.

    Raises:
        TypeError: the method does not rate.
    """
    recommender = model.recommender
    users, items = codes_of([user], model.user_ids), codes_of([item], model.item_ids)
    (rating,) = recommender.predict(users, items)
    return PredictedRating(
        float(rating),
        knows_user=bool(recommender.knows_users(users)[0]),
        knows_item=bool(recommender.knows_items(items)[0]),
    )
