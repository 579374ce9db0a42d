"""What a review's stars mean for a model: its classes, task by task."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amazon_reviews.schemas.vocabulary import SENTIMENTS

LEFT_OUT = -1
"""The label of a review that a task leaves out."""


@dataclass(frozen=True)
class Task:
    """Classes, worst first, and the class of 1, 2, 3, 4 and 5 stars.

    A review's stars are rounded to whole ones, halves up, before they are looked up.
    """

    name: str
    classes: tuple[str, ...]
    by_stars: tuple[int, int, int, int, int]

    def labels(self, stars: ArrayLike) -> NDArray[np.int8]:
        """The class of each review, `LEFT_OUT` for the unrated (0, null) and those left out.

        `stars` has one number, or null, for each review; what is no number of stars between 1 and
        5 counts as unrated.
        """
        numbers = np.asarray(stars, dtype=np.float64)
        rated = (numbers >= 1) & (numbers <= 5)
        whole = np.floor(np.where(rated, numbers, 0) + 0.5).astype(np.intp)
        return np.array((LEFT_OUT, *self.by_stars), dtype=np.int8)[whole]


TASKS = {
    task.name: task
    for task in (
        Task("binary", ("negative", "positive"), (0, 0, LEFT_OUT, 1, 1)),
        Task("label_a", ("negative", "positive"), (0, 0, 0, 1, 1)),
        Task("three", SENTIMENTS, (0, 0, 1, 2, 2)),
        Task("five", ("1", "2", "3", "4", "5"), (0, 1, 2, 3, 4)),
    )
}
"""The tasks by name; `label_a` is source system 1's label."""


def task_named(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none.
    """
    try:
        return TASKS[name]
    except KeyError:
        raise ValueError(f"no task {name!r}: one of {', '.join(TASKS)}") from None
