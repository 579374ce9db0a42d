"""Labels of reviews: classes, words or stars, and the stars that they stand for."""

from collections.abc import Mapping
from typing import Literal, get_args

from amazon_reviews.errors import InputFileError
from amazon_reviews.serving.input_files import number

LabelMeaning = Literal["stars", "polarity"]
LABEL_MEANINGS = get_args(LabelMeaning)

WORDS: Mapping[str, float] = {
    "neg": 1.0,
    "negative": 1.0,
    "neutral": 3.0,
    "pos": 5.0,
    "positive": 5.0,
}
_POLARITY = {"1": 1.0, "2": 5.0}
"""Classes of the polarity data sets. Such a class has no stars; 1 and 5 stand for any of it."""
_POLARITY_FROM_0 = {"0": 1.0, "1": 5.0}


def normal_label(label: str) -> str:
    """Return a label in lower case, and a number in its shortest form."""
    value = number(label)
    return label.strip().lower() if value is None else f"{value:g}"


def is_label(label: str) -> bool:
    """Return True for a known label in normal form; an empty one is known."""
    return label in WORDS or label in ("", *"012345")


def meaning_of(
    seen: set[str], wanted: LabelMeaning | None, name: str
) -> tuple[LabelMeaning, Mapping[str, float]]:
    """Return the meaning of the labels of a file, and the stars of each.

    Raises:
        InputFileError: the labels are of several kinds, or not of the wanted one.
    """
    digits = seen - set(WORDS)
    if not digits and wanted != "stars":
        return "polarity", WORDS
    if digits == seen and wanted != "stars":
        for classes in (_POLARITY, _POLARITY_FROM_0):
            if digits <= set(classes):
                return "polarity", classes
    if digits == seen and wanted != "polarity" and (wanted or "0" not in digits):
        return "stars", {label: float(label) for label in digits}
    labels = ", ".join(sorted(seen)) or "none"
    raise InputFileError(
        f"{name} has the labels {labels}, which are not of one kind: words, 1 and 2, 0 and 1, or "
        "stars from 1 to 5; if they are stars and 0 is unrated, add --labels stars"
    )
