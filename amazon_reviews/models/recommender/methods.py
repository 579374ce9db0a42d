"""The methods by name; see `names`."""

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
"""Each makes a recommender that has not learned yet."""


def method_named(name: str) -> Recommender:
    """A recommender that has not learned yet.

    Raises:
        ValueError: there is no such method.
    """
    if name not in METHODS:
        raise ValueError(f"there is no method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name]()
