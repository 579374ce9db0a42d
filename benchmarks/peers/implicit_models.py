"""The models of `implicit`, used directly, over grids of their parameters."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.lmf import LogisticMatrixFactorization
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from amazon_reviews.models.recommender.interactions import Codes, Interactions
from amazon_reviews.models.recommender.ranking import NO_ITEM, Items, Scores
from amazon_reviews.models.recommender.recommender import Recommender

_LOWEST = -1e30


class Peer(Recommender):
    """A model of `implicit` with the interface of the project; it ignores the stars."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def _fit(self, interactions: Interactions) -> None:
        self._rated = interactions.matrix(np.ones(len(interactions)))
        self._model = self._make()
        self._model.fit(self._rated, show_progress=False)

    def rank_items(self, users: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Rank items with the model of `implicit`."""
        items, scores = self._model.recommend(users, self._rated[users], N=k)
        return np.where(scores > _LOWEST, items, NO_ITEM), scores

    def rank_similar(self, items: Codes, k: int, excluded: csr_matrix) -> tuple[Items, Scores]:
        """Raise an error, as the comparison needs no similar items."""
        raise NotImplementedError


def candidates() -> Iterator[tuple[str, str, Peer]]:
    """Yield the family, the parameters as text, and the model of each candidate."""
    grids: dict[str, tuple[Callable[..., Any], dict[str, tuple[Any, ...]]]] = {
        "ALS": (
            partial(AlternatingLeastSquares, random_state=0),
            {
                "factors": (32, 64, 128),
                "regularization": (0.1, 1.0, 10.0),
                "alpha": (1.0, 10.0, 40.0),
            },
        ),
        "BPR": (
            partial(BayesianPersonalizedRanking, random_state=0, iterations=200),
            {"factors": (31, 63), "regularization": (0.01, 0.1)},
        ),
        "LMF": (
            partial(LogisticMatrixFactorization, random_state=0),
            {"factors": (30,), "regularization": (0.6, 6.0), "neg_prop": (10, 30)},
        ),
        "BM25": (BM25Recommender, {"K": (20, 100, 400), "K1": (1.2, 10.0), "B": (0.2, 0.8)}),
        "cosine": (CosineRecommender, {"K": (20, 100, 400)}),
        "TF-IDF": (TFIDFRecommender, {"K": (20, 100, 400)}),
    }
    for family, (make, grid) in grids.items():
        for values in product(*grid.values()):
            parameters = dict(zip(grid, values, strict=True))
            text = ", ".join(f"{name} {value:g}" for name, value in parameters.items())
            yield family, text, Peer(partial(make, **parameters))
