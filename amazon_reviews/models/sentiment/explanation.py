"""Which words decided: of one review, and of a model as a whole."""

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


@dataclass(frozen=True)
class Reason:
    """A word or pair of words, and the log-odds it adds; below 0 it speaks against the answer."""

    words: str
    weight: float


@dataclass(frozen=True)
class Explanation:
    """An answer, its probability, and what decided it, the weightiest first."""

    label: str
    probability: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class StrongWords:
    """A word or pair that speaks for a class: its weight in log-odds, and in how many places."""

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
    """The answer to one text with the `most` weighty words and pairs of words in it.

    A word's weight includes what its place after a negation or in the summary adds; all weights
    and what the model answers to an empty text add up to the answer's log-odds against the mean
    of the other classes.

    Raises:
        ValueError: it has not learned the task.
    """
    read = pieces([summary], [text])
    row = model.weighted(Features(model.bits).matrix_of(read))
    chances = model.calibration(task).probabilities(row @ model.weights_)[0]
    answer = int(chances.argmax())
    effect = row.data * (model.weights_[row.indices] @ _direction(model, task, answer))
    by_slot = dict(zip(row.indices.tolist(), effect.tolist(), strict=True))
    by_words: defaultdict[str, float] = defaultdict(float)
    for slot, words in _named_slots(read, model.bits):
        by_words[words] += by_slot.pop(slot, 0.0)
    reasons = [Reason(words, weight) for words, weight in by_words.items() if weight]
    reasons.sort(key=lambda reason: -abs(reason.weight))
    label = str(model.task_classes(task)[answer])
    return Explanation(label, float(chances[answer]), tuple(reasons[:most]))


def strongest_words(
    model: SentimentClassifier,
    examples: Examples,
    task: str | None = None,
    most: int = 50,
    fewest: int = 10,
    by: Literal["weight", "sum"] = "weight",
) -> list[StrongWords]:
    """For each class the words and pairs with the largest weights, the weightiest first.

    With `by` "sum" they are those that add most in all their places together. The model knows
    hashes only; names and counts come from `examples`, of which tens of thousands are enough.
    Words in fewer than `fewest` places are left out.

    Raises:
        ValueError: it has not learned the task.
    """
    hashes, counts, names = _count_names(pieces(examples.summaries, examples.texts), fewest)
    slots = (hashes >> np.uint64(64 - model.bits)).astype(np.intp)
    weights = model.weights_[slots] * model.idf_[slots][:, None]
    found = []
    for k, label in enumerate(model.task_classes(task)):
        effect = weights @ _direction(model, task, k)
        order = effect * counts if by == "sum" else effect
        best = np.argsort(-order, kind="stable")[:most]
        found += [
            StrongWords(str(label), names[at], float(effect[at]), int(counts[at]))
            for at in best
            if effect[at] > 0
        ]
    return found


def _direction(model: SentimentClassifier, task: str | None, answer: int) -> NDArray[np.float64]:
    """Log-odds of a class against the mean of the others, for one more of each score."""
    slopes = model.calibration(task).slopes
    return slopes[answer] - np.delete(slopes, answer, axis=0).mean(axis=0)


def _named_slots(texts: pa.Array, bits: int) -> Iterator[tuple[int, str]]:
    for block in blocks(texts, IN_A_REVIEW):
        words = read_words(block)
        for family in families(words):
            slots = (family.hashes >> np.uint64(64 - bits)).tolist()
            for slot, end in zip(slots, family.of.tolist(), strict=True):
                yield slot, _name(block, words, end - family.reach, end)


def _name(block: Block, words: Words, first: int, last: int) -> str:
    """The text from one word to another of the same piece; a pair's first word may be none."""
    if first < 0 or words.piece[first] != words.piece[last]:
        first = last
    parts = (block.data[words.starts[k] : words.ends[k]] for k in range(first, last + 1))
    return " ".join(part.tobytes().decode(errors="replace").lower() for part in parts)


def _count_names(texts: pa.Array, fewest: int) -> tuple[Hashes, NDArray[np.int64], list[str]]:
    """Hashes of words and pairs in at least `fewest` places, their counts and names."""
    total: defaultdict[int, int] = defaultdict(int)
    names: dict[int, str] = {}
    for block in blocks(texts, IN_A_REVIEW):
        words = read_words(block)
        for family in families(words):
            if not family.is_marked:
                _count_block(block, words, _whole(words, family), total, names)
    kept = [key for key, count in total.items() if count >= fewest]
    counts = np.array([total[key] for key in kept], np.int64)
    return np.array(kept, np.uint64), counts, [names[key] for key in kept]


def _count_block(
    block: Block,
    words: Words,
    family: Family,
    total: defaultdict[int, int],
    names: dict[int, str],
) -> None:
    distinct, firsts, counts = np.unique(family.hashes, return_index=True, return_counts=True)
    found = zip(distinct.tolist(), firsts.tolist(), counts.tolist(), strict=True)
    for key, first, count in found:
        total[key] += count
        if key not in names:
            last = int(family.of[first])
            names[key] = _name(block, words, last - family.reach, last)


def _whole(words: Words, family: Family) -> Family:
    """The family without pairs of a word and the beginning."""
    inner = family.of >= family.reach
    inner &= words.piece[family.of - family.reach] == words.piece[family.of]
    return Family(family.hashes[inner], family.of[inner], family.reach)
