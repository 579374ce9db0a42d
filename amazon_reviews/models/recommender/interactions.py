"""Who rated what, how and when: the input of every recommender."""

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

NO_TIME = np.iinfo(np.int64).min
"""The time of an interaction that has none; it counts as the earliest."""
SECONDS_A_DAY = 86_400
LONGEST_ID = 64
"""Characters of an id that recommenders take, at most: every id takes the memory of the longest."""

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Interactions:
    """One entry per user and item, n in all.

    `users` and `items` are (n,) codes: places in the sorted `user_ids` and `item_ids`, which may
    hold ids without any interaction. `ratings` are stars, `times` seconds since 1970 in UTC or
    `NO_TIME`, `counts` how many ratings of the user for the item there were, the latest of which
    this is. `products` says what the items are, in the order of `item_ids`, where that is known.
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
        """Interactions of rows in any order: of a user and an item the latest row counts.

        Of several rows at the same time the one with the most stars counts, so that the order of
        the rows never matters.
        """
        user_codes, user_ids = _encoded(users)
        item_codes, item_ids = _encoded(items)
        stars, moments = np.asarray(ratings, np.float32), np.asarray(times, np.int64)
        order = np.lexsort((stars, moments, item_codes, user_codes))
        pairs = user_codes[order].astype(np.int64) * len(item_ids) + item_codes[order]
        last = np.flatnonzero(np.diff(pairs, append=-1))
        kept = order[last]
        return cls(
            users=user_codes[kept],
            items=item_codes[kept],
            ratings=stars[kept],
            times=moments[kept],
            counts=np.diff(last, prepend=-1).astype(np.int32),
            user_ids=user_ids,
            item_ids=item_ids,
        )

    def where(self, which: NDArray[Any]) -> Interactions:
        """Some of the interactions, by mask or by place; the ids and their codes stay."""
        arrays = ("users", "items", "ratings", "times", "counts")
        return replace(self, **{name: getattr(self, name)[which] for name in arrays})

    def over_items(self, ids: Sequence[str]) -> Interactions:
        """The same interactions among more items; the codes of items are new."""
        every = np.union1d(self.item_ids, np.asarray(ids, dtype=np.str_))
        places = np.searchsorted(every, self.item_ids).astype(np.int32)
        return replace(self, items=places[self.items], item_ids=every)

    def matrix(self, values: NDArray[Any] | None = None) -> csr_matrix:
        """Users × items, float32, with the ratings or other (n,) values; columns are sorted."""
        data = self.ratings if values is None else values
        shape = (len(self.user_ids), len(self.item_ids))
        found = csr_matrix((data.astype(np.float32), (self.users, self.items)), shape)
        found.sort_indices()
        return found

    def latest(self, most: int) -> Interactions:
        """At most `most` interactions of each user, the latest; ties are drawn by `tie_break`."""
        return self.where(newest_first(self) < most)


def newest_first(interactions: Interactions) -> NDArray[np.intp]:
    """The place of each interaction among its user's, 0 for the latest; ties by `tie_break`."""
    order = np.lexsort((tie_break(interactions), -interactions.times, interactions.users))
    users = interactions.users[order]
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    within = np.arange(len(users)) - np.repeat(starts, np.diff(starts, append=len(users)))
    places = np.empty(len(users), np.intp)
    places[order] = within
    return places


def tie_break(interactions: Interactions, seed: int = 0) -> NDArray[np.uint64]:
    """A number for each interaction that depends on its codes and the seed only: a fair lot.

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
    """Whether each id, of a column of strings, is one that recommenders take; null where null."""
    return pc.less_equal(pc.utf8_length(ids), LONGEST_ID)


def codes_of(ids: Sequence[str], known: NDArray[np.str_]) -> Codes:
    """The place of each id among the sorted known ones, -1 where it is not among them."""
    wanted = np.asarray(ids, dtype=np.str_)
    if not len(known):
        return np.full(len(wanted), -1, np.int32)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[places] == wanted, places, -1).astype(np.int32)


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
