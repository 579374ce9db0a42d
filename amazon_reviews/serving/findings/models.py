"""The figures of the models in words."""

from collections.abc import Mapping
from typing import Any

from amazon_reviews.models.loading import ONLY_GENERATED
from amazon_reviews.models.recommender.names import SERVED, SPLITS
from amazon_reviews.schemas.vocabulary import NEGATIVE
from amazon_reviews.serving.findings.finding import Reader
from amazon_reviews.serving.findings.wording import interval, number_of
from amazon_reviews.serving.queries import recommender, sentiment
from amazon_reviews.serving.shown_numbers import percent

BINARY = "binary"
FIGURE = "ndcg@10"


def sentiment_in_words(read: Reader) -> str:
    """Return how well the model tells negative from positive texts; '' before its evaluation."""
    rows = read(sentiment.evaluation, BINARY).to_pylist()
    whole = {row["model"]: row for row in rows if row["part"] == "all"}
    if "project" not in whole:
        return ""
    model = whole["project"]
    text = (
        f"The model is right about {percent(model['accuracy'])} of "
        f"{number_of(model['rows'], 'review')} of reviewers that it did not learn from."
    )
    if "majority" in whole:
        accuracy = percent(whole["majority"]["accuracy"])
        text += f" To take the most frequent class for all of them is right about {accuracy}."
    (negatives,) = read(sentiment.recall, BINARY, NEGATIVE).to_pylist()
    if negatives["reviews"]:
        recall = percent(negatives["recalled"] / negatives["reviews"])
        text += (
            f" The model finds {recall} of the negative ones ({negatives['recalled']:,} of "
            f"{negatives['reviews']:,}; 95 % interval "
            f"{percent(negatives['share_low'])} to {percent(negatives['share_high'])})."
        )
    return f"{text} {ONLY_GENERATED}" if model["only_generated"] else text


def recommender_in_words(read: Reader) -> str:
    """Return the method in use, and how it compares with the best other method."""
    values = read(recommender.methods, FIGURE).to_pylist()
    behind = {
        (row["split"], row["method"]): row
        for row in read(recommender.methods, f"{FIGURE}_behind_{SERVED}").to_pylist()
    }
    texts = [f"The recommendations are those of the method {SERVED}."]
    for split in SPLITS:
        # They come with the highest value first.
        methods = {row["method"]: row for row in values if row["split"] == split}
        served = methods.pop(SERVED, None)
        if served and methods:
            name, other = next(iter(methods.items()))
            texts.append(
                f"{split.capitalize()} split: {FIGURE.upper()} of {_with_interval(served)}, and of "
                f"{other['value']:.3f} by {name}, the best other method"
                f"{_difference(behind.get((split, name)))}."
            )
    return " ".join(texts)


def _difference(row: Mapping[str, Any] | None) -> str:
    """Return by how much the method in use is better, for the same customers."""
    if row is None or row["low"] is None:
        return ""
    if row["low"] <= 0 <= row["high"]:
        return "; chance alone can explain the difference"
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    better = "better" if row["value"] > 0 else "worse"
    return f"; {SERVED} is {better} by {abs(row['value']):.3f} ({interval(low, high, '.3f')})"


def _with_interval(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({interval(row['low'], row['high'], '.3f')})"
