"""Reviewer ids and asins from plain numbers, one to one."""

import numpy as np

# Multiplying by an odd number is one to one modulo a power of two.
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(0xD1B54A32D192ED03)
_LETTERS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)


def reviewer_ids(users: np.ndarray) -> list[str]:
    """`A` and thirteen letters or digits for each user number, as in A2OCDK0BOW6UC."""
    return _codes("A", _scattered(users, 64), 36, 13)


def asins(products: np.ndarray, is_book: np.ndarray) -> list[str]:
    """Ten characters for each product number below 2**29: `B0…`, or digits for a book.

    products, is_book: (n,). The two forms cannot meet: one begins with B.
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


def _codes(prefix: str, numbers: np.ndarray, base: int, digits: int) -> list[str]:
    places = np.array([base**place for place in range(digits - 1, -1, -1)], dtype=np.uint64)
    letters = _LETTERS[numbers[:, None] // places % np.uint64(base)]
    flat = letters.tobytes().decode("ascii")
    return [prefix + flat[at : at + digits] for at in range(0, len(flat), digits)]
