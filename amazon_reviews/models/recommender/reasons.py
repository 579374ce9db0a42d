"""Why an item is recommended: the item that the user liked which it is most like."""

import numpy as np
from scipy.sparse import csr_matrix

from amazon_reviews.models.recommender.hybrid import Hybrid
from amazon_reviews.models.recommender.interactions import Codes
from amazon_reviews.models.recommender.neighbours import ItemNeighbours, ItemRegression
from amazon_reviews.models.recommender.ranking import NOTHING, Items
from amazon_reviews.models.recommender.recommender import Recommender

LIKED = 4.0
"""Stars from which a rated item is a reason."""


def reasons(recommender: Recommender, users: Codes, items: Items) -> Items:
    """For each item of each user's list the liked item that it is most like, in the lists' shape.

    `NOTHING` where none is like it, where the user is not known, or where the method has no
    likeness of items to tell it by.
    """
    alike = _alike(recommender)
    if alike is None:
        return np.full(items.shape, NOTHING, np.int32)
    rows = np.repeat(users, items.shape[1])
    wanted = items.ravel()
    shared = alike[np.maximum(wanted, 0)].multiply(_liked(recommender.seen_)[np.maximum(rows, 0)])
    best = np.asarray(shared.argmax(axis=1)).ravel()
    highest = shared.max(axis=1).toarray().ravel()
    there = (highest > 0) & (wanted >= 0) & (rows >= 0)
    return np.where(there, best, NOTHING).astype(np.int32).reshape(items.shape)


def _alike(recommender: Recommender) -> csr_matrix | None:
    if isinstance(recommender, Hybrid):
        return _alike(recommender.members_["bm25"])
    if isinstance(recommender, ItemNeighbours):
        return recommender.alike_
    return recommender.weights_ if isinstance(recommender, ItemRegression) else None


def _liked(seen: csr_matrix) -> csr_matrix:
    liked = (seen.data >= LIKED).astype(np.float32)
    return csr_matrix((liked, seen.indices, seen.indptr), seen.shape)
