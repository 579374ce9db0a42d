"""The names of methods and splits; loads no scientific package, so that `--help` stays fast."""

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
SERVED = "hybrid"
"""The method that recommends: its rankings are in tables, and apps load its model."""
NEED_PRODUCTS = frozenset({"popularity_category", "content_categories", "content_words"})
"""The methods that cannot learn without product data."""

SplitName = Literal["temporal", "leave-last-out"]
SPLITS = get_args(SplitName)
BenchmarkSplitName = Literal["last-out", "timestamp"]
BENCHMARK_SPLITS = get_args(BenchmarkSplitName)
"""The splits of the Amazon Reviews 2023 benchmark, into training, validation and test."""


def names_without_products() -> tuple[str, ...]:
    """Return the methods that learn from interactions alone."""
    return tuple(name for name in METHOD_NAMES if name not in NEED_PRODUCTS)
