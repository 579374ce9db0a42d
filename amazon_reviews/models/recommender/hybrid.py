"""A hybrid: lists of several methods become one, by weights that are learned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from amazon_reviews.errors import SplitError
from amazon_reviews.models.recommender.content import WordContent
from amazon_reviews.models.recommender.factors import ImplicitALS
from amazon_reviews.models.recommender.interactions import Codes, Interactions, tie_break
from amazon_reviews.models.recommender.metrics import ranking_metrics
from amazon_reviews.models.recommender.neighbours import ItemNeighbours
from amazon_reviews.models.recommender.popularity import Popularity
from amazon_reviews.models.recommender.ranking import NOTHING, Items, Scores, best_of
from amazon_reviews.models.recommender.recommender import Recommender, priority
from amazon_reviews.models.recommender.splits import leave_last_out

_SOFTEN = 20.0
_GRID = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
_ROUNDS = 2
_FEWEST_USERS = 50
_CUTOFF = 10
_ALIKE = ("ials", "bm25", "content_words")


@dataclass
class Hybrid(Recommender):
    """Weighted reciprocal ranks of what other methods recommend.

    An item's score is Σ weight / (20 + place) over the methods' first `depth` items (Cormack et
    al., "Reciprocal Rank Fusion", 2009, with weights). The weights are those of a grid that give
    the best NDCG@10 on the last interactions of up to `asked` users, held out for that; where too
    few users have two, all methods weigh the same. New products come in by content, users without
    a history get what is popular.
    """

    depth: int = 100
    asked: int = 1_000
    seed: int = 0
    members_: dict[str, Recommender] = field(default_factory=dict, init=False, repr=False)

    def _fit(self, interactions: Interactions) -> None:
        self.weights_ = self._learned_weights(interactions)
        self.members_ = _fitted(interactions, self.seed)

    def _best(self, users: Codes, k: int, left_out: csr_matrix) -> tuple[Items, Scores]:
        lists = _best_lists(self.members_, users, max(self.depth, k), left_out)
        return _Lists(lists, priority(self.popular_)).best(self.weights_, k)

    def _most_similar(self, items: Codes, k: int, left_out: csr_matrix) -> tuple[Items, Scores]:
        depth = min(max(self.depth, k), self.seen_.shape[1])
        lists = []
        for member in (self.members_[name] for name in _ALIKE if name in self.members_):
            known = member.knows_items(items)
            found = np.full((len(items), depth), NOTHING, np.int32)
            found[known], _ = member._most_similar(items[known], depth, left_out[known])
            lists.append(found)
        return _Lists(lists, priority(self.popular_)).best(np.ones(len(lists)), k)

    def knows_items(self, items: Codes) -> NDArray[np.bool_]:
        """Whether one of the methods knows of each item."""
        known = [one.knows_items(items) for one in self.members_.values()]
        return np.logical_or.reduce(known)

    def _learned_weights(self, interactions: Interactions) -> NDArray[np.float64]:
        """One for each member, by coordinate search from equal weights."""
        every = np.ones(len(_members(interactions, self.seed)))
        try:
            split = leave_last_out(interactions)
        except SplitError:
            return every
        drawn = np.argsort(tie_break(split.test, self.seed))[: self.asked]
        if len(drawn) < _FEWEST_USERS:
            return every
        asked = split.test.where(drawn)
        return self._searched(_without(interactions, asked), asked)

    def _searched(self, train: Interactions, asked: Interactions) -> NDArray[np.float64]:
        users = np.unique(asked.users)
        wanted, members = asked.matrix()[users], _fitted(train, self.seed)
        lists = _Lists(
            _best_lists(members, users, self.depth, train.matrix()[users]),
            priority(self.popular_),
        )

        def quality(weights: NDArray[np.float64]) -> float:
            items, _ = lists.best(weights, _CUTOFF)
            return float(ranking_metrics(items, wanted, _CUTOFF)[f"ndcg@{_CUTOFF}"].mean())

        alone = np.eye(len(members))
        return _climb(quality, max([np.ones(len(members)), *alone], key=quality))


class _Lists:
    """Lists of several methods for the same askers, ready to be fused by any weights.

    Every asker's items are moved to the beginning of a row: `_items` are askers × most items of
    one, `_values` methods × the same, 0 where a method does not list the item.
    """

    def __init__(self, lists: Sequence[Items], order: NDArray[np.int32]) -> None:
        keys = [_keys(items, len(order)) for items in lists]
        every, places = np.unique(np.concatenate(keys), return_inverse=True)
        rows, items = np.divmod(every, len(order))
        starts = np.searchsorted(rows, np.arange(len(lists[0]) + 1))
        columns = np.arange(len(every)) - starts[rows]
        shape = (len(lists[0]), int(np.diff(starts).max(initial=1)))
        self._order, self._items = order, np.zeros(shape, np.int32)
        self._items[rows, columns] = items
        self._values = np.zeros((len(lists), *shape), np.float32)
        ends = np.cumsum([0, *map(len, keys)])
        for member, of_member in enumerate(lists):
            own = places[ends[member] : ends[member + 1]]
            ranks = np.nonzero(of_member != NOTHING)[1]
            self._values[member, rows[own], columns[own]] = 1 / (_SOFTEN + ranks)

    def best(self, weights: NDArray[np.float64], k: int) -> tuple[Items, Scores]:
        flat = self._values.reshape(len(weights), -1)
        scores = (weights.astype(np.float32) @ flat).reshape(self._items.shape)
        scores[scores == 0] = -np.inf
        return best_of(scores, k, self._order[self._items], self._items)


def _keys(items: Items, width: int) -> NDArray[np.int64]:
    """One number for each asker and item."""
    rows, places = np.nonzero(items != NOTHING)
    return rows * width + items[rows, places]


def _best_lists(
    members: dict[str, Recommender], users: Codes, depth: int, left_out: csr_matrix
) -> list[Items]:
    """What each member recommends to users that all of them know."""
    depth = min(depth, left_out.shape[1])
    return [one._best(users, depth, left_out)[0] for one in members.values()]


def _climb(
    quality: Callable[[NDArray[np.float64]], float], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The best weights that are found by moving one at a time."""
    reached = quality(weights)
    for member in [*range(len(weights))] * _ROUNDS:
        for weight in (one for one in _GRID if one != weights[member]):
            tried = weights.copy()
            tried[member] = weight
            if tried.any() and (found := quality(tried)) > reached:
                weights, reached = tried, found
    return weights


def _members(interactions: Interactions, seed: int) -> dict[str, Recommender]:
    found: dict[str, Recommender] = {
        "ials": ImplicitALS(seed=seed),
        "bm25": ItemNeighbours(),
        "popularity": Popularity(),
    }
    if interactions.products is not None:
        found |= {"popularity_category": Popularity("category"), "content_words": WordContent()}
    return found


def _fitted(interactions: Interactions, seed: int) -> dict[str, Recommender]:
    members = _members(interactions, seed)
    return {name: member.fit(interactions) for name, member in members.items()}


def _without(interactions: Interactions, asked: Interactions) -> Interactions:
    width = len(interactions.item_ids)
    pairs = interactions.users.astype(np.int64) * width + interactions.items
    return interactions.where(~np.isin(pairs, asked.users.astype(np.int64) * width + asked.items))
