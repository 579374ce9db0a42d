"""Splits into training, validation and test parts, as the Amazon Reviews 2023 benchmark has them.

The definitions are those of its files `last_out` and `timestamp` (Hou et al., "Bridging Language
and Items for Retrieval and Recommendation", 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.errors import SplitError
from amazon_reviews.models.recommender.interactions import Interactions, newest_first
from amazon_reviews.models.recommender.splits import Split, warm_and_cold

VALIDATION_FROM = 1_628_643_414_042
TEST_FROM = 1_658_002_729_837
"""The first milliseconds of the parts, 2021-08-11 and 2022-07-16; the same for all categories."""

Parts = NDArray[np.int8]
"""The part of each interaction: 0 training, 1 validation, 2 test."""

_TRAINING, _VALIDATION, _TEST = range(3)


@dataclass(frozen=True)
class HeldOut:
    """Two splits: each tests on one part and trains on all parts before it.

    `validation` is None if that part, or the training part, has no interaction.
    """

    validation: Split | None
    test: Split


def last_out(interactions: Interactions, milliseconds: NDArray[np.int64]) -> Parts:
    """Return the parts: the last interaction of each user is for test, the one before validation.

    `milliseconds` since 1970 are the times of the interactions. `tie_break` decides ties.
    """
    places = newest_first(replace(interactions, times=milliseconds))
    return np.select([places == 0, places == 1], [_TEST, _VALIDATION], _TRAINING).astype(np.int8)


def by_timestamp(milliseconds: NDArray[np.int64]) -> Parts:
    """Return the parts, which begin at `VALIDATION_FROM` and at `TEST_FROM`."""
    return np.digitize(milliseconds, [VALIDATION_FROM, TEST_FROM]).astype(np.int8)


def joined(parts: Sequence[Interactions]) -> tuple[Interactions, NDArray[np.intp]]:
    """Return the interactions of all parts, and the place of each one's part in the sequence.

    An interaction of the same user and item in several parts counts in the first of them, so that
    no training item is a test item.
    """
    user_ids = np.unique(np.concatenate([part.user_ids for part in parts]))
    item_ids = np.unique(np.concatenate([part.item_ids for part in parts]))
    users = [np.searchsorted(user_ids, part.user_ids)[part.users] for part in parts]
    items = [np.searchsorted(item_ids, part.item_ids)[part.items] for part in parts]
    pairs = np.concatenate(users).astype(np.int64) * len(item_ids) + np.concatenate(items)
    _, first = np.unique(pairs, return_index=True)
    whole = Interactions(
        users=np.concatenate(users).astype(np.int32),
        items=np.concatenate(items).astype(np.int32),
        ratings=np.concatenate([part.ratings for part in parts]),
        times=np.concatenate([part.times for part in parts]),
        counts=np.concatenate([part.counts for part in parts]),
        user_ids=user_ids,
        item_ids=item_ids,
    )
    places = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return whole.where(first), places[first]


def held_out(interactions: Interactions, parts: NDArray[np.integer]) -> HeldOut:
    """Return the splits of validation and test part, with the groups `warm` and `cold` of users.

    Raises:
        SplitError: the test part is empty, or there is nothing before it.
    """
    train, validation, test = (
        interactions.where(parts == part) for part in (_TRAINING, _VALIDATION, _TEST)
    )
    if not len(test):
        raise SplitError("the test part has no interaction")
    before = interactions.where(parts < _TEST)
    if not len(before):
        raise SplitError("only the test part has interactions; the other parts are needed too")
    validated = len(train) and len(validation)
    return HeldOut(
        Split(train, validation, warm_and_cold(train, validation)) if validated else None,
        Split(before, test, warm_and_cold(before, test)),
    )
