"""Products as matrices of categories and of distinctive words."""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from amazon_reviews.errors import UnknownItemsError
from amazon_reviews.models.recommender.ranking import unit_rows

_WORD = re.compile(r"[^\W\d_]{2,}")
_UNKNOWN = {"", "unknown"}
_BANDS_A_DECADE = 4
_FEWEST_PRODUCTS = 2


@dataclass(frozen=True)
class Products:
    """Product data of m items, in the order of their codes.

    `categories` is the binary item × category matrix; its columns are `category_names`, sorted.
    `words` is item × word, with rows of length 1 or 0: the TF-IDF of categories, brand, words of
    the title and band of the price. `main` is (m,), a code of the main category.
    """

    categories: csr_matrix
    category_names: list[str]
    words: csr_matrix
    main: NDArray[np.int32]


@dataclass(frozen=True)
class Facts:
    """Product data of one item; empty or None where it is missing."""

    title: str | None = None
    brand: str | None = None
    main_category: str | None = None
    categories: Sequence[str] = ()
    price: float | None = None


def describe(facts: Iterable[tuple[int, Facts]], items: int) -> Products:
    """Return the matrices of `items` items, from facts of some of them, each with its code.

    The facts may come in any order. An item without facts has empty rows. Memory holds codes and
    each distinct word once, not the facts, so that `facts` can be a stream.
    """
    categories, words = _Membership(), _Membership()
    mains, main = {"": 0}, np.zeros(items, np.int32)
    for item, product in facts:
        categories.add(item, product.categories)
        words.add(item, _words(product))
        main[item] = mains.setdefault(product.main_category or "", len(mains))
    return Products(
        categories=categories.matrix(items),
        category_names=categories.names(),
        words=_tf_idf(words.matrix(items)),
        main=_places(mains)[main],
    )


def require_products(products: Products | None, method: str) -> Products:
    """Return the products.

    Raises:
        UnknownItemsError: there is no product data; the text names the method that needs it.
    """
    if products is None:
        raise UnknownItemsError(f"{method} needs product data")
    return products


class _Membership:
    """Collects the words of items for a binary matrix."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._items, self._words = array("i"), array("i")

    def add(self, item: int, words: Iterable[str]) -> None:
        """Add the words of an item; a repeated word counts once."""
        for word in {*words}:
            self._items.append(item)
            self._words.append(self._codes.setdefault(word, len(self._codes)))

    def names(self) -> list[str]:
        """Return all words, sorted."""
        return sorted(self._codes)

    def matrix(self, items: int) -> csr_matrix:
        """Return the binary matrix of items × words, in the order of `names`."""
        columns = _places(self._codes)[np.asarray(self._words)]
        ones = np.ones(len(columns), np.float32)
        matrix = csr_matrix((ones, (np.asarray(self._items), columns)), (items, len(self._codes)))
        matrix.sort_indices()
        return matrix


def _places(codes: Mapping[str, int]) -> NDArray[np.int32]:
    """Return, for each code from 0 up, the position of its name in sorted order."""
    places = np.empty(len(codes), np.int32)
    places[[codes[name] for name in sorted(codes)]] = np.arange(len(codes), dtype=np.int32)
    return places


def _words(facts: Facts) -> set[str]:
    words = {f"category {name.lower()}" for name in facts.categories}
    if _known(facts.main_category):
        words.add(f"main {facts.main_category}")
    if _known(facts.brand):
        words.add(f"brand {facts.brand}")
    if _known(facts.title):
        words |= {*_WORD.findall(str(facts.title).lower())}
    if facts.price:
        words.add(f"price {int(np.floor(np.log10(float(facts.price)) * _BANDS_A_DECADE))}")
    return words


def _known(text: str | None) -> bool:
    return text is not None and text.lower() not in _UNKNOWN


def _tf_idf(words: csr_matrix) -> csr_matrix:
    """Return rows of length 1, weighted by smoothed inverse frequency.

    Words of fewer than `_FEWEST_PRODUCTS` items connect no items and get weight 0.
    """
    frequency = np.bincount(words.indices, minlength=words.shape[1])
    weights = np.log((1 + words.shape[0]) / (1 + frequency)) + 1
    weights[frequency < _FEWEST_PRODUCTS] = 0
    weighted = csr_matrix(words @ diags(weights), dtype=np.float32)
    weighted.eliminate_zeros()
    return unit_rows(weighted)
