"""The names of the methods and of the splits, without what they take long to load."""

from typing import Literal, get_args

METHOD_NAMES = (
    "popularity",
    "popularity_recent",
    "popularity_category",
    "content_categories",
    "content_words",
    "user_neighbours",
    "item_cosine",
    "bm25",
    "ease",
    "als",
    "als_balanced",
    "ials",
    "svd",
    "hybrid",
)
NEED_PRODUCTS = frozenset({"popularity_category", "content_categories", "content_words"})
"""The methods that cannot learn without knowing what the products are."""

SplitName = Literal["temporal", "leave-last-out"]
SPLITS = get_args(SplitName)


def names_without_products() -> tuple[str, ...]:
    """The methods that learn from interactions alone."""
    return tuple(name for name in METHOD_NAMES if name not in NEED_PRODUCTS)
