"""Columns about the product in files of reviews."""

import random
from typing import NamedTuple

from amazon_reviews.devtools.sample_data import products
from amazon_reviews.devtools.sample_data.categories import CATEGORIES
from amazon_reviews.devtools.sample_data.draws import python_random
from amazon_reviews.devtools.sample_data.identifiers import product_number
from amazon_reviews.devtools.sample_data.population import Population


class Item(NamedTuple):
    """A product: its number, title, brand, and path of departments."""

    number: int
    title: str
    brand: str
    path: tuple[str, ...]


class Items:
    """The products of a population by asin. Memory grows with the reviewed products."""

    def __init__(self, seed: int, population: Population) -> None:
        self._seed = seed
        self._population = population
        self._items: dict[str, Item] = {}

    def __getitem__(self, asin: str) -> Item:
        if asin not in self._items:
            self._items[asin] = self._item(product_number(asin))
        return self._items[asin]

    def _item(self, number: int) -> Item:
        rng = python_random(self._seed, "item", number)
        category = CATEGORIES[self._population.category[number]]
        brand = products.brand_name(rng)
        return Item(
            number,
            f"{brand} {_words(rng)} {rng.choice(category.nouns).title()} {number}",
            brand,
            (*category.path, rng.choice(category.leaves)),
        )


def _words(rng: random.Random) -> str:
    return rng.choice(products.MATERIALS) + rng.choice(("", ', 6" Wide', " & Case,"))
