"""What is learned from and what is asked for: by time for all, or the last of each user."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.errors import SplitError
from amazon_reviews.models.recommender.interactions import (
    NO_TIME,
    SECONDS_A_DAY,
    Codes,
    Interactions,
    newest_first,
)
from amazon_reviews.models.recommender.names import SplitName

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Split:
    """Interactions to learn from, others to ask for, and groups of the users that are asked for.

    Items that a user has in `train` are never in the user's `test`.
    """

    train: Interactions
    test: Interactions
    groups: dict[str, Codes]


def split_named(name: SplitName, interactions: Interactions) -> Split:
    """`temporal_split` or `leave_last_out`."""
    return temporal_split(interactions) if name == "temporal" else leave_last_out(interactions)


def temporal_split(interactions: Interactions, test_share: float = TEST_SHARE) -> Split:
    """Learn from all that came up to a moment, the same for everybody; ask for all after it.

    At most `test_share` of the interactions, all later than those that are learned from; more only
    where the last moment alone has more. Those without a time are on neither side. Groups: `warm`
    users have something to learn from, `cold` ones do not.

    Raises:
        SplitError: there is only one moment, or none.
    """
    times = interactions.times
    known = times != NO_TIME
    if not known.any():
        raise SplitError("no interaction has a time")
    before_the_last = times[known & (times < times.max())]
    if not len(before_the_last):
        raise SplitError("all interactions are of one moment")
    last = np.quantile(times[known], 1 - test_share, method="higher")
    test = known & (times > min(last, before_the_last.max()))
    train, asked = interactions.where(known & ~test), interactions.where(test)
    users = np.unique(asked.users)
    warm = np.isin(users, train.users)
    return Split(train, asked, {"warm": users[warm], "cold": users[~warm]})


def leave_last_out(interactions: Interactions) -> Split:
    """Ask for the last interaction of each user who has two, and learn from the others.

    Which of a user's interactions of the same moment is the last is drawn by lot, never by the
    order of a file. Where a user has more of that day, what is learned from may give the answer
    away: those users are the group `same_day`, the others `own_day`. Without a time there is no
    day to share.

    Raises:
        SplitError: no user has two.
    """
    counts = np.bincount(interactions.users, minlength=len(interactions.user_ids))
    test = (newest_first(interactions) == 0) & (counts[interactions.users] > 1)
    if not test.any():
        raise SplitError("no user has two interactions")
    train, asked = interactions.where(~test), interactions.where(test)
    shared = _share_the_day(train, asked)
    groups = {"own_day": asked.users[~shared], "same_day": asked.users[shared]}
    return Split(train, asked, {name: np.sort(users) for name, users in groups.items()})


def _share_the_day(train: Interactions, asked: Interactions) -> NDArray[np.bool_]:
    """Whether the user of each interaction asked for has another of the same day."""
    last = np.full(len(train.user_ids), NO_TIME)
    np.maximum.at(last, train.users, train.times)
    before = last[asked.users]
    same = before // SECONDS_A_DAY == asked.times // SECONDS_A_DAY
    return same & (before != NO_TIME)
