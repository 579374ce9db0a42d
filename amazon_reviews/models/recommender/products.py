"""What products are, as matrices: source 2's categories, and words that tell them apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from amazon_reviews.models.recommender.ranking import unit_rows
from amazon_reviews.models.recommender.recommender import UnknownError

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
    category_names: NDArray[np.str_]
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


def describe(facts: Sequence[Facts]) -> Products:
    """The matrices of items, one for each of `facts`; an item without facts has empty rows."""
    categories, names = _membership([sorted({*map(str, one.categories)}) for one in facts])
    mains = [one.main_category or "" for one in facts]
    _, main = np.unique(np.asarray(mains, dtype=np.str_), return_inverse=True)
    return Products(
        categories=categories,
        category_names=names,
        words=_tf_idf(_membership([_words(one) for one in facts])[0]),
        main=main.astype(np.int32),
    )


def needed(products: Products | None, what: str) -> Products:
    """The products.

    Raises:
        UnknownError: there are none, and `what` cannot do without.
    """
    if products is None:
        raise UnknownError(f"{what} needs to know what the products are")
    return products


def _membership(words: Sequence[Sequence[str]]) -> tuple[csr_matrix, NDArray[np.str_]]:
    """The binary matrix of items × words, and the words, sorted."""
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    every = np.asarray([word for of_one in words for word in of_one], dtype=np.str_)
    names, columns = np.unique(every, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    matrix = csr_matrix(
        (np.ones(len(columns), np.float32), columns, starts), (len(words), len(names))
    )
    matrix.sort_indices()
    return matrix, names


def _words(facts: Facts) -> list[str]:
    words = {f"category {name.lower()}" for name in facts.categories}
    if _known(facts.main_category):
        words.add(f"main {facts.main_category}")
    if _known(facts.brand):
        words.add(f"brand {facts.brand}")
    if _known(facts.title):
        words |= {*_WORD.findall(str(facts.title).lower())}
    if facts.price:
        words.add(f"price {int(np.floor(np.log10(float(facts.price)) * _BANDS_A_DECADE))}")
    return sorted(words)


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
