"""Decisive words of one prediction, and the strongest words of a model."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.features import IN_A_REVIEW, Family, Features, families
from amazon_reviews.models.sentiment.texts import pieces
from amazon_reviews.models.sentiment.words import Block, Hashes, Words, blocks, read_words

_NEGATED = " (negated)"
# An unknown word may share a slot with rare ones, which few reviews have.
_FEWEST_REVIEWS = 5


@dataclass(frozen=True)
class Reason:
    """A word or pair of words, and the log-odds it adds to the predicted class.

    What a word adds because it follows a negation is a reason of its own: `good (negated)`.
    """

    words: str
    weight: float


@dataclass(frozen=True)
class Explanation:
    """A predicted class, its probability, and the decisive words, the largest weight first.

    `start` is the class that the model predicts without any word, as most reviews are of it, and
    `start_probability` its probability. `has_known_words` is False if the model has met too few
    reviews with a word of the text: then the prediction says nothing about the text.
    """

    label: str
    probability: float
    start: str
    start_probability: float
    has_known_words: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class StrongWords:
    """A word or pair that indicates a class: its weight in log-odds, and its number of places."""

    label: str
    words: str
    weight: float
    count: int


def explain(
    model: SentimentClassifier,
    text: str,
    summary: str | None = None,
    task: str | None = None,
    most: int = 10,
) -> Explanation:
    """Predict the class of one text and explain it by the `most` decisive words and pairs.

    A word's weight includes the effect of its place in the summary. All weights plus the log-odds
    of an empty text are the predicted class's log-odds against the mean of the other classes.

    Raises:
        ValueError: the model has not learned the task.
    """
    read = pieces([summary], [text])
    features = Features(model.bits)
    row = model.weighted(features.matrix_of(read))
    empty = model.weighted(features.matrix_of(pieces([None], [""])))
    calibration = model.calibration(task)
    probabilities = calibration.probabilities(row @ model.weights_)[0]
    without_words = calibration.probabilities(empty @ model.weights_)[0]
    predicted, start = int(probabilities.argmax()), int(without_words.argmax())
    effect = row.data * (model.weights_[row.indices] @ _direction(model, task, predicted))
    by_slot = dict(zip(row.indices.tolist(), effect.tolist(), strict=True))
    by_words: defaultdict[str, float] = defaultdict(float)
    for slot, words in _named_slots(read, model.bits):
        by_words[words] += by_slot.pop(slot, 0.0)
    reasons = [Reason(words, weight) for words, weight in by_words.items() if weight]
    reasons.sort(key=lambda reason: -abs(reason.weight))
    classes = model.task_classes(task)
    return Explanation(
        str(classes[predicted]),
        float(probabilities[predicted]),
        str(classes[start]),
        float(without_words[start]),
        _has_known_words(model, read),
        tuple(reasons[:most]),
    )


def strongest_words(
    model: SentimentClassifier,
    examples: Examples,
    task: str | None = None,
    most: int = 50,
    fewest: int = 10,
    by: Literal["weight", "sum"] = "weight",
) -> list[StrongWords]:
    """Return the words and pairs with the largest weights for each class, the largest first.

    With `by` "sum" the order is that of weight × places. The model knows hashes only: names and
    counts come from `examples`; tens of thousands are enough. Words in fewer than `fewest` places
    are ignored.

    Raises:
        ValueError: the model has not learned the task.
    """
    hashes, counts, names = _count_names(pieces(examples.summaries, examples.texts), fewest)
    slots = (hashes >> np.uint64(64 - model.bits)).astype(np.intp)
    weights = model.weights_[slots] * model.idf_[slots][:, None]
    strongest = []
    for k, label in enumerate(model.task_classes(task)):
        effect = weights @ _direction(model, task, k)
        order = effect * counts if by == "sum" else effect
        best = np.argsort(-order, kind="stable")[:most]
        strongest += [
            StrongWords(str(label), names[at], float(effect[at]), int(counts[at]))
            for at in best
            if effect[at] > 0
        ]
    return strongest


def _direction(model: SentimentClassifier, task: str | None, label: int) -> NDArray[np.float64]:
    """Return the slopes of a class's log-odds, against the mean of the others, by score."""
    slopes = model.calibration(task).slopes
    return slopes[label] - np.delete(slopes, label, axis=0).mean(axis=0)


def _has_known_words(model: SentimentClassifier, texts: pa.Array) -> bool:
    """Return True if enough reviews of the first chunk had a word of these texts."""
    words = np.concatenate([read_words(block).hashes for block in blocks(texts, IN_A_REVIEW)])
    idf = model.idf_[(words >> np.uint64(64 - model.bits)).astype(np.intp)]
    # The largest weight is that of a slot without reviews.
    return bool((np.exp(model.idf_.max() - idf) > _FEWEST_REVIEWS).any())


def _named_slots(texts: pa.Array, bits: int) -> Iterator[tuple[int, str]]:
    for block in blocks(texts, IN_A_REVIEW):
        words = read_words(block)
        for family in families(words):
            slots = (family.hashes >> np.uint64(64 - bits)).tolist()
            mark = _NEGATED if family.is_negated else ""
            for slot, end in zip(slots, family.of.tolist(), strict=True):
                yield slot, _name(block, words, end - family.reach, end) + mark


def _name(block: Block, words: Words, first: int, last: int) -> str:
    """Return the text from one word to another of the same piece.

    The first word of a pair is missing at the beginning of a piece.
    """
    if first < 0 or words.piece[first] != words.piece[last]:
        first = last
    parts = (block.data[words.starts[k] : words.ends[k]] for k in range(first, last + 1))
    return " ".join(part.tobytes().decode(errors="replace").lower() for part in parts)


def _count_names(texts: pa.Array, fewest: int) -> tuple[Hashes, NDArray[np.int64], list[str]]:
    """Return hashes, counts and names of words and pairs in at least `fewest` places."""
    total: defaultdict[int, int] = defaultdict(int)
    names: dict[int, str] = {}
    for block in blocks(texts, IN_A_REVIEW):
        words = read_words(block)
        for family in families(words):
            if not family.is_marked:
                _count_block(block, words, _complete_pairs(words, family), total, names)
    frequent = [key for key, count in total.items() if count >= fewest]
    counts = np.array([total[key] for key in frequent], np.int64)
    return np.array(frequent, np.uint64), counts, [names[key] for key in frequent]


def _count_block(
    block: Block,
    words: Words,
    family: Family,
    total: defaultdict[int, int],
    names: dict[int, str],
) -> None:
    distinct, firsts, counts = np.unique(family.hashes, return_index=True, return_counts=True)
    columns = (distinct.tolist(), firsts.tolist(), counts.tolist())
    for key, first, count in zip(*columns, strict=True):
        total[key] += count
        if key not in names:
            last = int(family.of[first])
            names[key] = _name(block, words, last - family.reach, last)


def _complete_pairs(words: Words, family: Family) -> Family:
    """Return the family without the pairs of a first word and the beginning of its piece."""
    inner = family.of >= family.reach
    inner &= words.piece[family.of - family.reach] == words.piece[family.of]
    return Family(family.hashes[inner], family.of[inner], family.reach)
