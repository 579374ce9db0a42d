"""A hybrid method: rankings of several methods are fused with learned weights."""

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
from amazon_reviews.models.recommender.ranking import NO_ITEM, Items, Scores, best_of
from amazon_reviews.models.recommender.recommender import Recommender, priority
from amazon_reviews.models.recommender.splits import leave_last_out

# Cormack et al. use 60; with rankings of 100 items 20 lets the first places count for more.
_SOFTENING = 20.0
_GRID = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
_ROUNDS = 2
# With fewer users the weights would follow chance.
_FEWEST_USERS = 50
_CUTOFF = 10
# The members that know more about an item than its popularity.
_SIMILARITY_MEMBERS = ("ials", "bm25", "content_words")

Weights = NDArray[np.float64]


@dataclass
class Hybrid(Recommender):
    """Weighted reciprocal rank fusion of several methods.

    An item's score is Σ weight / (20 + place) over the methods' first `depth` items (Cormack et
    al., "Reciprocal Rank Fusion", 2009, with weights). The weights are those of a grid with the
    best NDCG@10 on the held-out last interactions of at most `tuning_users` users. If too few
    users have two interactions, all weights are equal. New products are found by content, and
    users without a history get popular items.
    """

    depth: int = 100
    tuning_users: int = 1_000
    seed: int = 0
    members_: dict[str, Recommender] = field(default_factory=dict, init=False, repr=False)

    def _fit(self, interactions: Interactions) -> None:
        self.weights_ = self._learn_weights(interactions)
        self.members_ = _fit_members(interactions, self.seed)

    def rank_items(self, users: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Fuse the members' rankings of items."""
        rankings = _member_rankings(self.members_, users, max(self.depth, k), excluded)
        return _Fusion(rankings, priority(self.popular_)).best(self.weights_, k)

    def rank_similar(self, items: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Fuse the members' rankings of similar items, all with the same weight."""
        depth = min(max(self.depth, k), self.train_.shape[1])
        rankings = []
        for name in _SIMILARITY_MEMBERS:
            if name in self.members_:
                member = self.members_[name]
                known = member.knows_items(items)
                ranking = np.full((len(items), depth), NO_ITEM, np.int32)
                ranking[known], _ = member.rank_similar(items[known], depth, excluded[known])
                rankings.append(ranking)
        return _Fusion(rankings, priority(self.popular_)).best(np.ones(len(rankings)), k)

    def knows_items(self, items: Codes) -> NDArray[np.bool_]:
        """Return True for each item that one of the methods knows."""
        return np.logical_or.reduce([m.knows_items(items) for m in self.members_.values()])

    def item_similarity(self) -> csr_matrix | None:
        """Return the similarities of the BM25 member."""
        return self.members_["bm25"].item_similarity()

    def shares(self) -> dict[str, float]:
        """Return the share of each member's ranking of items in the score."""
        return dict(zip(self.members_, (self.weights_ / self.weights_.sum()).tolist(), strict=True))

    def _learn_weights(self, interactions: Interactions) -> Weights:
        """Return one weight for each member, by coordinate search from equal weights."""
        equal = np.ones(len(_new_members(interactions, self.seed)))
        try:
            split = leave_last_out(interactions)
        except SplitError:
            return equal
        sample = np.argsort(tie_break(split.test, self.seed))[: self.tuning_users]
        if len(sample) < _FEWEST_USERS:
            return equal
        test = split.test.where(sample)
        return self._search_weights(_difference(interactions, test), test)

    def _search_weights(self, train: Interactions, test: Interactions) -> Weights:
        users = np.unique(test.users)
        relevant, members = test.matrix()[users], _fit_members(train, self.seed)
        seen, step = train.matrix()[users], self._rows_at_once()
        blocks = [
            _member_rankings(members, users[k : k + step], self.depth, seen[k : k + step])
            for k in range(0, len(users), step)
        ]
        rankings = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
        fusion = _Fusion(rankings, priority(self.popular_))

        def quality(weights: Weights) -> float:
            items, _ = fusion.best(weights, _CUTOFF)
            return float(ranking_metrics(items, relevant, _CUTOFF)[f"ndcg@{_CUTOFF}"].mean())

        single_members = np.eye(len(members))
        start = max([np.ones(len(members)), *single_members], key=quality)
        return _climb(quality, start)


class _Fusion:
    """Rankings of several methods for the same queries, ready to be fused with any weights.

    The distinct items of each query are moved to the beginning of a row. `_items` are queries ×
    the most items of a query. `_values` are methods × that shape, 0 if the item is not in the
    method's ranking.
    """

    def __init__(self, rankings: Sequence[Items], order: NDArray[np.int32]) -> None:
        keys = [_keys(items, len(order)) for items in rankings]
        distinct, places = np.unique(np.concatenate(keys), return_inverse=True)
        rows, items = np.divmod(distinct, len(order))
        starts = np.searchsorted(rows, np.arange(len(rankings[0]) + 1))
        columns = np.arange(len(distinct)) - starts[rows]
        shape = (len(rankings[0]), int(np.diff(starts).max(initial=1)))
        self._order, self._items = order, np.zeros(shape, np.int32)
        self._items[rows, columns] = items
        self._values = np.zeros((len(rankings), *shape), np.float32)
        ends = np.cumsum([0, *map(len, keys)])
        for member, ranking in enumerate(rankings):
            of_member = places[ends[member] : ends[member + 1]]
            ranks = np.nonzero(ranking != NO_ITEM)[1]
            self._values[member, rows[of_member], columns[of_member]] = 1 / (_SOFTENING + ranks)

    def best(self, weights: Weights, k: int) -> tuple[Items, Scores]:
        flat = self._values.reshape(len(weights), -1)
        scores = (weights.astype(np.float32) @ flat).reshape(self._items.shape)
        scores[scores == 0] = -np.inf
        return best_of(scores, k, self._order[self._items], self._items)


def _keys(items: Items, width: int) -> NDArray[np.int64]:
    """Return one number for each query and item."""
    rows, places = np.nonzero(items != NO_ITEM)
    return rows * width + items[rows, places]


def _member_rankings(
    members: dict[str, Recommender], users: Codes, depth: int, excluded: csr_matrix
) -> list[Items]:
    """Return each member's ranking for users that all members know."""
    depth = min(depth, excluded.shape[1])
    return [member.rank_items(users, depth, excluded)[0] for member in members.values()]


def _climb(quality: Callable[[Weights], float], weights: Weights) -> Weights:
    """Return the best weights that changes of one weight at a time lead to."""
    reached = quality(weights)
    for member in [*range(len(weights))] * _ROUNDS:
        for weight in _GRID:
            trial = weights.copy()
            trial[member] = weight
            if weight == weights[member] or not trial.any():
                continue
            if (result := quality(trial)) > reached:
                weights, reached = trial, result
    return weights


def _new_members(interactions: Interactions, seed: int) -> dict[str, Recommender]:
    members: dict[str, Recommender] = {
        "ials": ImplicitALS(seed=seed),
        "bm25": ItemNeighbours(),
        "popularity": Popularity(),
    }
    if interactions.products is not None:
        members |= {"popularity_category": Popularity("category"), "content_words": WordContent()}
    return members


def _fit_members(interactions: Interactions, seed: int) -> dict[str, Recommender]:
    members = _new_members(interactions, seed)
    return {name: member.fit(interactions) for name, member in members.items()}


def _difference(interactions: Interactions, removed: Interactions) -> Interactions:
    """Return the interactions whose user and item are not together in `removed`."""
    width = len(interactions.item_ids)
    pairs = interactions.users.astype(np.int64) * width + interactions.items
    removed_pairs = removed.users.astype(np.int64) * width + removed.items
    return interactions.where(~np.isin(pairs, removed_pairs))
