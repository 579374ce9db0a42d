"""Counts and means of ratings by product, as a catalogue shows them."""

from hashlib import blake2b


class Ratings:
    """The ratings of the reviews written so far. Memory grows with the products."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._sums: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, asin: str, stars: float) -> None:
        """Count a rating of a product."""
        self._counts[asin] = self._counts.get(asin, 0) + 1
        self._sums[asin] = self._sums.get(asin, 0.0) + stars

    def shown(self, asin: str) -> tuple[float, int]:
        """Return the mean with one decimal, and a number that includes ratings without a review."""
        silent = 1 + blake2b(asin.encode(), digest_size=1).digest()[0] % 40
        count = self._counts.get(asin, 0)
        return round((self._sums.get(asin, 0.0) + 4 * silent) / (count + silent), 1), count + silent
