"""What products are, as matrices: source 2's categories, and words that tell them apart."""

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
_NOT_KNOWN = {"", "unknown"}
_BANDS_A_DECADE = 4
_FEWEST_PRODUCTS = 2


@dataclass(frozen=True)
class Products:
    """What is known of m items, in the order of their codes.

    `categories` is the binary item × category matrix, its columns are `category_names`, sorted.
    `words` is item × word, each row of length 1 or 0: the TF-IDF of categories, brand, words of
    the title and band of the price. `main` is (m,) a code of the main category.
    """

    categories: csr_matrix
    category_names: list[str]
    words: csr_matrix
    main: NDArray[np.int32]


@dataclass(frozen=True)
class Facts:
    """What a catalogue says of an item; empty or None where it says nothing."""

    title: str | None = None
    brand: str | None = None
    main_category: str | None = None
    categories: Sequence[str] = ()
    price: float | None = None


def describe(facts: Iterable[tuple[int, Facts]], items: int) -> Products:
    """The matrices of so many items, by facts of some of them in any order, each with its code.

    An item without facts has empty rows. Of the facts only numbers and each word once are kept.
    """
    categories, words = _Membership(), _Membership()
    mains, main = {"": 0}, np.zeros(items, np.int32)
    for item, one in facts:
        categories.add(item, one.categories)
        words.add(item, _words(one))
        main[item] = mains.setdefault(one.main_category or "", len(mains))
    return Products(
        categories=categories.matrix(items),
        category_names=categories.names(),
        words=_tf_idf(words.matrix(items)),
        main=_places(mains)[main],
    )


def needed(products: Products | None, what: str) -> Products:
    """The products.

    Raises:
        UnknownItemsError: there are none, and `what` cannot do without.
    """
    if products is None:
        raise UnknownItemsError(f"{what} needs to know what the products are")
    return products


class _Membership:
    """Which items have which words."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._items, self._words = array("i"), array("i")

    def add(self, item: int, words: Iterable[str]) -> None:
        """The words of an item; twice is once."""
        for word in {*words}:
            self._items.append(item)
            self._words.append(self._codes.setdefault(word, len(self._codes)))

    def names(self) -> list[str]:
        """All words in their order."""
        return sorted(self._codes)

    def matrix(self, items: int) -> csr_matrix:
        """The binary matrix of so many items × words, in the order of `names`."""
        columns = _places(self._codes)[np.asarray(self._words)]
        ones = np.ones(len(columns), np.float32)
        found = csr_matrix((ones, (np.asarray(self._items), columns)), (items, len(self._codes)))
        found.sort_indices()
        return found


def _places(codes: Mapping[str, int]) -> NDArray[np.int32]:
    """For each code, from 0 up, the place of its name in the order of names."""
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
    return text is not None and text.lower() not in _NOT_KNOWN


def _tf_idf(words: csr_matrix) -> csr_matrix:
    """Rows of length 1, weighted by smoothed inverse frequency; words of one item are left out."""
    frequency = np.bincount(words.indices, minlength=words.shape[1])
    weights = np.log((1 + words.shape[0]) / (1 + frequency)) + 1
    weights[frequency < _FEWEST_PRODUCTS] = 0
    found = csr_matrix(words @ diags(weights), dtype=np.float32)
    found.eliminate_zeros()
    return unit_rows(found)
