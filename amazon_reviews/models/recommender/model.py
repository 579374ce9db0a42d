"""A fitted recommender together with the ids of its users and items."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.models.recommender.interactions import codes_of
from amazon_reviews.models.recommender.recommender import Recommender


@dataclass(frozen=True)
class PredictedRating:
    """Predicted stars; an unknown user or item counts as an average one.

    `knows_user` and `knows_item` are True if the model has learned from ratings of the user and of
    the item.
    """

    rating: float
    knows_user: bool
    knows_item: bool


@dataclass(frozen=True)
class RecommenderModel:
    """A fitted recommender with the name of its method, and the sorted ids behind its codes."""

    method: str
    recommender: Recommender
    user_ids: NDArray[np.str_]
    item_ids: NDArray[np.str_]

    def predict_rating(self, user: str, item: str) -> PredictedRating:
        """Return the predicted rating of the user for the item, both by id.

        Raises:
            TypeError: the method does not rate.
        """
        users, items = codes_of([user], self.user_ids), codes_of([item], self.item_ids)
        (rating,) = self.recommender.predict(users, items)
        return PredictedRating(
            float(rating),
            knows_user=bool(self.recommender.knows_users(users)[0]),
            knows_item=bool(self.recommender.knows_items(items)[0]),
        )
