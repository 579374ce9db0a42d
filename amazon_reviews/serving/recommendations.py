"""What a recommender says of a customer or a product, by their ids."""

from dataclasses import dataclass

import numpy as np

from amazon_reviews.models.recommender.interactions import codes_of
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.models.recommender.ranking import NO_ITEM

MOST = 1_000
"""Products in an answer, at most."""


@dataclass(frozen=True)
class Suggestion:
    """A product at its place, from 1; `because` is one that the customer gave that many stars."""

    place: int
    asin: str
    score: float
    because: str | None = None
    because_rating: float | None = None


@dataclass(frozen=True)
class Answer:
    """What is recommended; a `cold` answer is what is popular, as the asker is not known."""

    cold: bool
    suggestions: list[Suggestion]

    @property
    def asins(self) -> list[str]:
        """Every product that the answer names."""
        named = [one.asin for one in self.suggestions]
        return [*named, *(one.because for one in self.suggestions if one.because)]


def recommended(model: RecommenderModel, user: str, k: int) -> Answer:
    """The k best products for a customer, known or not, who has not rated them.

    Raises:
        ValueError: k is below 1.
    """
    codes = codes_of([user], model.user_ids)
    found = model.recommender.recommend(codes, k)
    because = model.recommender.reasons(codes, found.items)[0]
    seen = model.recommender.train_
    suggestions = [
        Suggestion(
            place,
            str(model.item_ids[item]),
            float(score),
            None if reason == NO_ITEM else str(model.item_ids[reason]),
            None if reason == NO_ITEM else float(seen[codes[0], reason]),
        )
        for place, (item, score, reason) in enumerate(
            zip(found.items[0], found.scores[0], because, strict=True), 1
        )
        if item != NO_ITEM
    ]
    return Answer(bool(found.cold[0]), suggestions)


def alike(model: RecommenderModel, asin: str, k: int) -> Answer:
    """The k products most like a product, known or not.

    Raises:
        ValueError: k is below 1.
    """
    found = model.recommender.similar(codes_of([asin], model.item_ids), k)
    there = np.flatnonzero(found.items[0] != NO_ITEM)
    suggestions = [
        Suggestion(int(at) + 1, str(model.item_ids[found.items[0, at]]), float(found.scores[0, at]))
        for at in there
    ]
    return Answer(bool(found.cold[0]), suggestions)
