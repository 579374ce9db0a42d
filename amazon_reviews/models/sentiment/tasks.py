"""The sentiment tasks: the classes that a model predicts, and the stars of each class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amazon_reviews.schemas.vocabulary import SENTIMENTS

IGNORED = -1
"""The label of a review that a task ignores."""


@dataclass(frozen=True)
class Task:
    """Classes, worst first, and the class of 1, 2, 3, 4 and 5 stars.

    Fractional stars are rounded, halves up.
    """

    name: str
    classes: tuple[str, ...]
    by_stars: tuple[int, int, int, int, int]

    def labels(self, stars: ArrayLike) -> NDArray[np.int8]:
        """Return the class of each review; `IGNORED` for unrated (0, null) and ignored ones.

        `stars` has one number, or null, for each review. A number outside 1 to 5 counts as unrated.
        """
        numbers = np.asarray(stars, dtype=np.float64)
        rated = (numbers >= 1) & (numbers <= 5)
        whole = np.floor(np.where(rated, numbers, 0) + 0.5).astype(np.intp)
        return np.array((IGNORED, *self.by_stars), dtype=np.int8)[whole]


TASKS = {
    task.name: task
    for task in (
        Task("binary", ("negative", "positive"), (0, 0, IGNORED, 1, 1)),
        Task("negative_up_to_3", ("negative", "positive"), (0, 0, 0, 1, 1)),
        Task("three", SENTIMENTS, (0, 0, 1, 2, 2)),
        Task("five", ("1", "2", "3", "4", "5"), (0, 1, 2, 3, 4)),
    )
}
"""The tasks by name; `negative_up_to_3` is the label of the Paisa Genious lakehouse."""

DEPRECATED_NAMES = {"label_a": "negative_up_to_3"}
"""Names of tasks in earlier releases."""


def task_named(name: str) -> Task:
    """Return the task of that name, which may be a deprecated one.

    Raises:
        ValueError: there is no such task.
    """
    try:
        return TASKS[DEPRECATED_NAMES.get(name, name)]
    except KeyError:
        raise ValueError(f"unknown task {name!r}: use one of {', '.join(TASKS)}") from None
