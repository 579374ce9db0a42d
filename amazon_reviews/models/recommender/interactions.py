"""Interactions of users and items, the input of every recommender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from amazon_reviews.models.recommender.products import Products

MISSING_TIME = np.iinfo(np.int64).min
"""The time of an interaction without one; it counts as the earliest."""
SECONDS_A_DAY = 86_400
LONGEST_ID = 64
"""The most characters of an id; in a numpy array every id takes the memory of the longest."""

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Interactions:
    """One entry per user and item, n in all.

    `users` and `items` are (n,) codes: positions in the sorted `user_ids` and `item_ids`, which
    may hold ids without any interaction. `ratings` are stars, `times` seconds since 1970 in UTC or
    `MISSING_TIME`. `counts` is the number of ratings of the user for the item; the latest counts.
    `products` describes the items in the order of `item_ids`, if product data is available.
    """

    users: Codes
    items: Codes
    ratings: NDArray[np.float32]
    times: NDArray[np.int64]
    counts: NDArray[np.int32]
    user_ids: NDArray[np.str_]
    item_ids: NDArray[np.str_]
    products: Products | None = None

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def from_rows(
        cls,
        users: Sequence[str] | pa.Array | pa.ChunkedArray,
        items: Sequence[str] | pa.Array | pa.ChunkedArray,
        ratings: Any,
        times: Any,
    ) -> Interactions:
        """Return the latest row of each user and item, from rows in any order.

        If several rows have the same time, the one with the most stars counts, so that the order
        of the rows never matters.
        """
        user_codes, user_ids = _encoded(users)
        item_codes, item_ids = _encoded(items)
        stars, moments = np.asarray(ratings, np.float32), np.asarray(times, np.int64)
        order = np.lexsort((stars, moments, item_codes, user_codes))
        pairs = user_codes[order].astype(np.int64) * len(item_ids) + item_codes[order]
        last = np.flatnonzero(np.diff(pairs, append=-1))
        latest = order[last]
        return cls(
            users=user_codes[latest],
            items=item_codes[latest],
            ratings=stars[latest],
            times=moments[latest],
            counts=np.diff(last, prepend=-1).astype(np.int32),
            user_ids=user_ids,
            item_ids=item_ids,
        )

    def where(self, selected: NDArray[Any]) -> Interactions:
        """Return a selection, by mask or by position; the ids and their codes stay."""
        arrays = ("users", "items", "ratings", "times", "counts")
        return replace(self, **{name: getattr(self, name)[selected] for name in arrays})

    def over_items(self, ids: Sequence[str]) -> Interactions:
        """Return the same interactions with more items; the codes of items change."""
        all_ids = np.union1d(self.item_ids, np.asarray(ids, dtype=np.str_))
        places = np.searchsorted(all_ids, self.item_ids).astype(np.int32)
        return replace(self, items=places[self.items], item_ids=all_ids)

    def matrix(self, values: NDArray[Any] | None = None) -> csr_matrix:
        """Return users × items, float32, of ratings or other (n,) values; columns are sorted."""
        data = self.ratings if values is None else values
        shape = (len(self.user_ids), len(self.item_ids))
        matrix = csr_matrix((data.astype(np.float32), (self.users, self.items)), shape)
        matrix.sort_indices()
        return matrix

    def latest(self, most: int) -> Interactions:
        """Return the latest interactions of each user, at most `most`; `tie_break` decides ties."""
        return self.where(newest_first(self) < most)


def newest_first(interactions: Interactions) -> NDArray[np.intp]:
    """Return the position of each interaction among its user's, 0 for the latest.

    `tie_break` decides ties.
    """
    order = np.lexsort((tie_break(interactions), -interactions.times, interactions.users))
    users = interactions.users[order]
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    within = np.arange(len(users)) - np.repeat(starts, np.diff(starts, append=len(users)))
    places = np.empty(len(users), np.intp)
    places[order] = within
    return places


def tie_break(interactions: Interactions, seed: int = 0) -> NDArray[np.uint64]:
    """Return a pseudo-random number for each interaction, from its codes and the seed only.

    The finaliser of SplitMix64 (Steele et al., "Fast Splittable Pseudorandom Number Generators",
    2014).
    """
    pairs = interactions.users.astype(np.uint64) << np.uint64(32)
    mixed = (pairs | interactions.items.astype(np.uint64)) + np.uint64(
        (seed + 1) * 0x9E3779B97F4A7C15 % 2**64
    )
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def short_enough(ids: pa.Array | pa.ChunkedArray) -> Any:
    """Return True for each id of at most `LONGEST_ID` characters; null for null."""
    return pc.less_equal(pc.utf8_length(ids), LONGEST_ID)


def codes_of(ids: Sequence[str], known: NDArray[np.str_]) -> Codes:
    """Return the position of each id among the sorted `known` ids, -1 for an unknown one."""
    names = np.asarray(ids, dtype=np.str_)
    if not len(known):
        return np.full(len(names), -1, np.int32)
    places = np.minimum(np.searchsorted(known, names), len(known) - 1)
    return np.where(known[places] == names, places, -1).astype(np.int32)


def _encoded(ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> tuple[Codes, NDArray[np.str_]]:
    column = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else pa.array(ids, pa.string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = column.dictionary_encode()
    names = np.asarray(encoded.dictionary.to_pylist(), dtype=np.str_)
    order = np.argsort(names, kind="stable")
    places = np.empty(len(order), np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places[encoded.indices.to_numpy()], names[order]
