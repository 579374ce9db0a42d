"""Cross-fitting: weights for each fold of users, which learned from the users of the other folds.

A model repeats the stars of reviews that it learned from. These weights predict such reviews.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

NO_FOLD = -1
"""The fold of a user that the final weights did not learn from."""
# Of 4 million groups a million users fill less than a quarter.
_GROUP_BITS = 22


@dataclass(frozen=True)
class Folds:
    """The weights of each fold, and the users that the final weights learned from.

    `slots` are the features with weights, ascending, int32. `weights` are float16: folds × slots ×
    targets. `learned` is True for the groups of users with such a user; the first 22 bits of its
    key are the group of a user. It names no user, and a new user in such a group has a fold too.
    """

    slots: NDArray[np.int32]
    weights: NDArray[np.float16]
    learned: NDArray[np.bool_]

    @classmethod
    def of(
        cls, final: NDArray[np.float32], weights: Iterable[NDArray[np.float32]], keys: Keys
    ) -> "Folds":
        """Return the folds of weights that are features × targets each, taken one at a time.

        `final` are the final weights, `keys` those of the users that they learned from.
        """
        slots = np.flatnonzero(final.any(axis=1)).astype(np.int32)
        learned = np.zeros(1 << _GROUP_BITS, np.bool_)
        learned[_groups(keys)] = True
        return cls(slots, np.stack([one[slots].astype(np.float16) for one in weights]), learned)

    def folds(self, keys: Keys) -> NDArray[np.int64]:
        """Return the fold of each user, or `NO_FOLD`."""
        return np.where(self.learned[_groups(keys)], fold_of(keys, len(self.weights)), NO_FOLD)

    def scores(self, rows: sp.csr_array, folds: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return scores by the weights of each row's fold, rows × targets; 0 without a fold."""
        _, slots, targets = self.weights.shape
        place = np.full(rows.shape[1], slots, np.int32)
        place[self.slots] = np.arange(slots, dtype=np.int32)
        shape = (rows.shape[0], slots + 1)
        placed = sp.csr_array((rows.data, place[rows.indices], rows.indptr), shape=shape)
        scores = np.zeros((rows.shape[0], targets), np.float32)
        for fold, weights in enumerate(self.weights):
            in_fold = np.flatnonzero(folds == fold)
            if len(in_fold):
                # The last row is that of the features without weights.
                with_zeros = np.append(weights, np.zeros((1, targets), np.float16), axis=0)
                scores[in_fold] = placed[in_fold] @ with_zeros.astype(np.float32)
        return scores


def fold_of(keys: Keys, folds: int) -> NDArray[np.int64]:
    """Return the fold of each user, from 0."""
    return (keys % np.uint64(folds)).astype(np.int64)


def _groups(keys: Keys) -> NDArray[np.intp]:
    return (keys >> np.uint64(64 - _GROUP_BITS)).astype(np.intp)
