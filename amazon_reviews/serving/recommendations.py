"""Recommendations for a customer, or similar to a product, by their ids."""

from dataclasses import dataclass

from amazon_reviews.models.recommender.interactions import codes_of
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.models.recommender.ranking import NO_ITEM

MOST = 1_000
"""The largest number of products that can be requested."""


@dataclass(frozen=True)
class Suggestion:
    """A product at its place, from 1.

    `because` is the asin of a product that is the reason for it, and `because_rating` the stars
    that the customer gave that product.
    """

    place: int
    asin: str
    score: float
    because: str | None = None
    because_rating: float | None = None


@dataclass(frozen=True)
class Recommendations:
    """Recommended products; for an unknown, `cold` customer or product the most popular ones."""

    cold: bool
    suggestions: list[Suggestion]

    @property
    def asins(self) -> list[str]:
        """The asins of the suggestions and of their reasons."""
        suggested = [each.asin for each in self.suggestions]
        return [*suggested, *(each.because for each in self.suggestions if each.because)]


def recommended(model: RecommenderModel, user: str, k: int) -> Recommendations:
    """Return the k best products for a customer, without those that the customer has rated.

    Raises:
        ValueError: k is below 1.
    """
    codes = codes_of([user], model.user_ids)
    ranking = model.recommender.recommend(codes, k)
    because = model.recommender.reasons(codes, ranking.items)[0]
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
            zip(ranking.items[0], ranking.scores[0], because, strict=True), 1
        )
        if item != NO_ITEM
    ]
    return Recommendations(bool(ranking.cold[0]), suggestions)


def similar(model: RecommenderModel, asin: str, k: int) -> Recommendations:
    """Return the k products most similar to a product.

    Raises:
        ValueError: k is below 1.
    """
    ranking = model.recommender.similar(codes_of([asin], model.item_ids), k)
    suggestions = [
        Suggestion(place, str(model.item_ids[item]), float(score))
        for place, (item, score) in enumerate(
            zip(ranking.items[0], ranking.scores[0], strict=True), 1
        )
        if item != NO_ITEM
    ]
    return Recommendations(bool(ranking.cold[0]), suggestions)
