"""Splits of interactions into training and test data: by time, or the last of each user."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.errors import SplitError
from amazon_reviews.models.recommender.interactions import (
    MISSING_TIME,
    SECONDS_A_DAY,
    Codes,
    Interactions,
    newest_first,
)
from amazon_reviews.models.recommender.names import SplitName

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Split:
    """Training interactions, test interactions, and groups of the test users.

    An item that a user has in `train` is never in the user's `test`.
    """

    train: Interactions
    test: Interactions
    groups: dict[str, Codes]


def split_named(name: SplitName, interactions: Interactions) -> Split:
    """Return the split of that name: `temporal_split` or `leave_last_out`."""
    return temporal_split(interactions) if name == "temporal" else leave_last_out(interactions)


def temporal_split(interactions: Interactions, test_share: float = TEST_SHARE) -> Split:
    """Train on the interactions up to one moment, the same for all users; test on those after it.

    The test side has at most `test_share` of the interactions, unless the last moment alone has
    more. Interactions without a time are on neither side. Groups: `warm` users have training
    interactions, `cold` users do not.

    Raises:
        SplitError: there are fewer than two moments.
    """
    times = interactions.times
    known = times != MISSING_TIME
    if not known.any():
        raise SplitError("no interaction has a time")
    before_the_last = times[known & (times < times.max())]
    if not len(before_the_last):
        raise SplitError("all interactions are of one moment")
    last = np.quantile(times[known], 1 - test_share, method="higher")
    is_test = known & (times > min(last, before_the_last.max()))
    train = interactions.where(known & ~is_test)
    test = interactions.where(is_test)
    return Split(train, test, warm_and_cold(train, test))


def warm_and_cold(train: Interactions, test: Interactions) -> dict[str, Codes]:
    """Return the test users with training interactions, and those without."""
    users = np.unique(test.users)
    warm = np.isin(users, train.users)
    return {"warm": users[warm], "cold": users[~warm]}


def leave_last_out(interactions: Interactions) -> Split:
    """Test on the last interaction of each user with at least two; train on the others.

    The last of several interactions at the same moment is a random one, never the last of a file.
    If a user has training interactions of the same day, these may give the answer away. Such users
    are the group `same_day`, the others `own_day`. An interaction without a time has no day.

    Raises:
        SplitError: no user has two interactions.
    """
    counts = np.bincount(interactions.users, minlength=len(interactions.user_ids))
    is_test = (newest_first(interactions) == 0) & (counts[interactions.users] > 1)
    if not is_test.any():
        raise SplitError("no user has two interactions")
    train, test = interactions.where(~is_test), interactions.where(is_test)
    shared = _share_day(train, test)
    groups = {"own_day": test.users[~shared], "same_day": test.users[shared]}
    return Split(train, test, {name: np.sort(users) for name, users in groups.items()})


def _share_day(train: Interactions, test: Interactions) -> NDArray[np.bool_]:
    """Return True for each test interaction whose user has a training one of the same day."""
    last = np.full(len(train.user_ids), MISSING_TIME)
    np.maximum.at(last, train.users, train.times)
    before = last[test.users]
    same = before // SECONDS_A_DAY == test.times // SECONDS_A_DAY
    return same & (before != MISSING_TIME)
