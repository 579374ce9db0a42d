"""Reviewer ids, reviewer names and asins of numbers."""

import re
from collections.abc import Callable

import numpy as np

from amazon_reviews.devtools.sample_data import phrases
from amazon_reviews.devtools.sample_data.options import LARGEST_COUNT

NAMES = 4096
_COMMON_NAMES = (("Amazon Customer", 0.08), ("Kindle Customer", 0.02))

# Multiplication by an odd number modulo a power of two is one to one, so ids never collide.
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(0xD1B54A32D192ED03)
_REVIEWER_ID = re.compile("A[0-9A-Z]{13}")
_INVERSE = pow(int(_FACTOR), -1, 2**64)
_LETTERS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)


def reviewer_ids(users: np.ndarray) -> list[str]:
    """Return `A` and thirteen letters or digits for each user number, as in A2OCDK0BOW6UC."""
    return _codes("A", _scattered(users, 64), 36, 13)


def user_number(reviewer_id: str) -> int:
    """Return the user number of one of `reviewer_ids`."""
    return _unscattered(int(reviewer_id[1:], 36), 64)


def is_generated(reviewer_id: str) -> bool:
    """Return True for one of `reviewer_ids`; a real id is one with a probability of 3 in 10**11.

    Profiles with ids of another form, such as plain numbers, have no ids that can be recognised.
    """
    return _REVIEWER_ID.fullmatch(reviewer_id) is not None and (
        user_number(reviewer_id) < LARGEST_COUNT
    )


def product_number(asin: str) -> int:
    """Return the product number of one of `asins`."""
    if asin.startswith("0"):
        return _unscattered(int(asin[1:]), 29)
    return _unscattered(int(asin[2:], 36), 41)


def reviewer_names() -> list[str]:
    """Return NAMES names, the common ones with their share in the source."""
    common = [name for name, share in _COMMON_NAMES for _ in range(round(NAMES * share))]
    return common + [_NAME_FORMS[n % len(_NAME_FORMS)](n) for n in range(NAMES - len(common))]


def asins(products: np.ndarray, is_book: np.ndarray) -> list[str]:
    """Return ten characters for each product number below 2**29: `B0…`, or digits for a book.

    products, is_book: (n,). The two forms cannot collide: only one begins with B.
    """
    codes = _codes("B0", _scattered(products, 41), 36, 8)
    rows = np.flatnonzero(is_book)
    books = _codes("0", _scattered(products[rows], 29), 10, 9)
    for row, code in zip(rows.tolist(), books, strict=True):
        codes[row] = code
    return codes


def _scattered(numbers: np.ndarray, bits: int) -> np.ndarray:
    mixed = numbers.astype(np.uint64) * _FACTOR + _SHIFT
    return mixed & np.uint64(2**bits - 1)


def _unscattered(code: int, bits: int) -> int:
    return (code - int(_SHIFT)) * _INVERSE % 2**bits


def _codes(prefix: str, numbers: np.ndarray, base: int, digits: int) -> list[str]:
    places = np.array([base**place for place in range(digits - 1, -1, -1)], dtype=np.uint64)
    letters = _LETTERS[numbers[:, None] // places % np.uint64(base)]
    flat = letters.tobytes().decode("ascii")
    return [prefix + flat[at : at + digits] for at in range(0, len(flat), digits)]


def _first(number: int) -> str:
    return phrases.FIRST_NAMES[number * 7 % len(phrases.FIRST_NAMES)]


def _last(number: int) -> str:
    return phrases.LAST_NAMES[number * 11 // 3 % len(phrases.LAST_NAMES)]


def _nickname(number: int) -> str:
    return phrases.NICKNAMES[number % len(phrases.NICKNAMES)]


_NAME_FORMS: tuple[Callable[[int], str], ...] = (
    lambda n: f"{_first(n)} {_last(n)}",
    lambda n: f"{_first(n)} {_last(n)[0]}.",
    lambda n: f"{_first(n)[0]}. {_last(n)}",
    lambda n: _first(n),
    lambda n: f"{_nickname(n)}{n % 89}",
    lambda n: f'{_first(n)} {_last(n)} "{_nickname(n)}"',
)
