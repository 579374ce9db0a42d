"""Splits of reviews into training and test data: by user, by time, by both."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.examples import MISSING_DAY
from amazon_reviews.models.sentiment.words import mix

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Masks of the training and the test reviews; a review may be in neither."""

    train: Mask
    test: Mask


def user_keys(users: pa.Array, seed: int) -> NDArray[np.uint64]:
    """Return a uniform 64-bit number for each review, the same for all reviews of a user.

    It depends on the user and the seed only, so that chunks and runs agree. Reviews without a user
    count as those of one user.
    """
    names = np.asarray(users.fill_null("").to_numpy(zero_copy_only=False), dtype=object)
    hashes = pd.util.hash_array(names, categorize=False)
    return mix(hashes ^ mix(np.full(1, seed, np.uint64)))


def by_user(users: pa.Array, test_share: float, seed: int) -> Split:
    """Test on about `test_share` of the users; train on the others."""
    test = user_keys(users, seed) < np.uint64(test_share * 2**64)
    return Split(~test, test)


def by_time(days: NDArray[np.int32], test_share: float) -> Split:
    """Test on the latest reviews, at most `test_share` of them; train on earlier ones.

    Reviews without a day are on neither side.

    Raises:
        ValueError: no day divides the reviews, so that one side would be empty.
    """
    known = days != MISSING_DAY
    if not known.any():
        raise ValueError("no review has a day")
    last = np.quantile(days[known], 1 - test_share, method="higher")
    split = Split(known & (days <= last), known & (days > last))
    if not split.test.any():
        raise ValueError(f"all of the latest {test_share:.0%} reviews are of one day")
    return split


def by_user_and_time(
    users: pa.Array, days: NDArray[np.int32], test_share: float, seed: int
) -> Split:
    """Test on later reviews of users without training reviews.

    A share of users and a share of days are held out, each `test_share`. Earlier reviews of the
    held-out users and later ones of the others are on neither side.

    Raises:
        ValueError: as `by_time`.
    """
    people, time = by_user(users, test_share, seed), by_time(days, test_share)
    return Split(people.train & time.train, people.test & time.test)
