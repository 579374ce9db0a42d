"""The recommendation methods by name; `names` has the names alone, for fast imports."""

from collections.abc import Callable

from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.content import CategoryContent, WordContent
from amazon_reviews.models.recommender.factors import ExplicitALS, ImplicitALS
from amazon_reviews.models.recommender.hybrid import Hybrid
from amazon_reviews.models.recommender.neighbours import (
    ItemNeighbours,
    ItemRegression,
    UserNeighbours,
)
from amazon_reviews.models.recommender.popularity import Popularity
from amazon_reviews.models.recommender.recommender import Recommender

METHODS: dict[str, Callable[[], Recommender]] = {
    "popularity": Popularity,
    "popularity_recent": lambda: Popularity("recent"),
    "popularity_category": lambda: Popularity("category"),
    "content_categories": CategoryContent,
    "content_words": WordContent,
    "user_neighbours": UserNeighbours,
    "item_cosine": lambda: ItemNeighbours("cosine"),
    "bm25": ItemNeighbours,
    "ease": ItemRegression,
    "als": ExplicitALS,
    "als_balanced": lambda: ExplicitALS(balanced=True),
    "ials": ImplicitALS,
    "svd": BiasedFactors,
    "hybrid": Hybrid,
}
"""Each value returns a new recommender that is not fitted."""


def method_named(name: str) -> Recommender:
    """Return a new recommender that is not fitted.

    Raises:
        ValueError: there is no such method.
    """
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}; known methods are {', '.join(METHODS)}")
    return METHODS[name]()
