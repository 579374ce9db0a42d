"""Review texts and summaries whose sentiment mostly agrees with their stars.

A bank has phrases, escaped for JSON, by department and tone. A text consists of one to twelve
phrases, with a random tone each that depends on the stars. Some reviews are written as for other
stars (sarcasm, wrong clicks). Many contain only facts or mixed statements. Negations and words of
the opposite sentiment occur in positive and in negative reviews.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from string import Formatter

import numpy as np

from amazon_reviews.devtools.sample_data import phrases
from amazon_reviews.devtools.sample_data.categories import CATEGORIES, Category
from amazon_reviews.devtools.sample_data.draws import choose_rows, cumulative_table, python_random

VARIANTS = 160  # phrases for each department and tone
TRUNCATED_WORDS = 8

# Rows: stars 1 to 5. Columns: tones.
_TONES = cumulative_table(
    [
        (0.36, 0.20, 0.08, 0.03, 0.02, 0.28, 0.03),
        (0.15, 0.33, 0.14, 0.06, 0.02, 0.27, 0.03),
        (0.04, 0.15, 0.35, 0.14, 0.04, 0.25, 0.03),
        (0.01, 0.06, 0.14, 0.37, 0.15, 0.24, 0.03),
        (0.01, 0.02, 0.05, 0.20, 0.45, 0.24, 0.03),
    ]
)
# Rows: the stars of the review. Columns: the stars that its text expresses.
_WRITTEN = cumulative_table(
    [
        (0.88, 0.04, 0.01, 0.01, 0.06),
        (0.10, 0.78, 0.06, 0.02, 0.04),
        (0.03, 0.08, 0.78, 0.08, 0.03),
        (0.01, 0.02, 0.05, 0.82, 0.10),
        (0.015, 0.005, 0.01, 0.06, 0.91),
    ]
)
_LENGTHS = np.cumsum([0.42, 0.22, 0.13, 0.08, 0.05, 0.03, 0.02, 0.02, 0.01, 0.01, 0.005, 0.005])
_WORDS: dict[str, Sequence[str]] = {
    "good": phrases.GOOD[0],
    "great": phrases.GOOD[1],
    "bad": phrases.BAD[0],
    "awful": phrases.BAD[1],
    "plain": phrases.PLAIN,
    "time": phrases.TIMES,
    "person": phrases.PERSONS,
    "number": [str(number) for number in range(101, 90_000, 997)],
}
SHORT_SHARE = 0.15
STAR_SUMMARY_SHARE = 0.15
TRUNCATED_SHARE = 0.08


@dataclass(frozen=True)
class Bank:
    """Phrases in one list, VARIANTS for each (department, tone), with the first index of each.

    `plain` is JSON in UTF-8, `ascii` is JSON in ASCII. Both are without the quotes.
    """

    plain: list[str]
    ascii: list[str]
    first: np.ndarray


@dataclass(frozen=True)
class _Task:
    """Reviews to write: (n,) departments, and the stars that the texts express."""

    departments: np.ndarray
    written: np.ndarray
    ascii_only: bool
    rng: np.random.Generator

    def phrases(self, bank: Bank, rows: np.ndarray) -> list[str]:
        """Draw a phrase for each row of the task; a row may occur several times."""
        tones = choose_rows(_TONES, self.written[rows], self.rng)
        first = bank.first[self.departments[rows], tones]
        chosen = first + self.rng.integers(0, VARIANTS, len(rows))
        source = bank.ascii if self.ascii_only else bank.plain
        return [source[index] for index in chosen.tolist()]

    def random_rows(self, share: float) -> np.ndarray:
        """Draw rows, each with the given probability."""
        return np.flatnonzero(self.rng.random(len(self.written)) < share)


class Texts:
    """Writes texts and summaries for blocks of reviews."""

    def __init__(self, seed: int) -> None:
        self._sentences, self._short, self._summaries, self._openings = _banks(seed)

    def write(
        self, departments: np.ndarray, stars: np.ndarray, ascii_only: bool, rng: np.random.Generator
    ) -> tuple[list[str], list[str]]:
        """Return texts and summaries as JSON without quotes. departments, stars (1 to 5): (n,)."""
        task = _Task(departments, choose_rows(_WRITTEN, stars - 1, rng), ascii_only, rng)
        return self._texts(task), self._summarise(task, stars)

    def _texts(self, task: _Task) -> list[str]:
        drawn = task.rng.random(len(task.written))
        counts = np.minimum(np.searchsorted(_LENGTHS, drawn, side="right") + 1, len(_LENGTHS))
        sentences = task.phrases(self._sentences, np.repeat(np.arange(len(counts)), counts))
        texts, at = [], 0
        for count in counts.tolist():
            texts.append(_separator(count).join(sentences[at : at + count]))
            at += count
        _replace(texts, task.random_rows(SHORT_SHARE), task, self._short)
        return texts

    def _summarise(self, task: _Task, stars: np.ndarray) -> list[str]:
        summaries = task.phrases(self._summaries, np.arange(len(stars)))
        for row in task.random_rows(STAR_SUMMARY_SHARE).tolist():
            summaries[row] = phrases.STARS[stars[row]]
        _replace(summaries, task.random_rows(TRUNCATED_SHARE), task, self._openings)
        return summaries


def _separator(count: int) -> str:
    """Return the separator of the sentences: long texts have line breaks or two spaces."""
    if count < 5:
        return " "
    return "\\n" if count % 2 else "  "


def _replace(texts: list[str], rows: np.ndarray, task: _Task, bank: Bank) -> None:
    for row, text in zip(rows.tolist(), task.phrases(bank, rows), strict=True):
        texts[row] = text


def escape(text: str, ascii_only: bool) -> str:
    """Return the text as JSON without its quotes."""
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


@lru_cache(maxsize=2)
def _banks(seed: int) -> tuple[Bank, Bank, Bank, Bank]:
    """Return sentences, short texts, summaries and openings.

    They are cached, since filling them takes most of the time of a small sample.
    """
    rng = python_random(seed, "text")
    sentences = _bank(phrases.SENTENCES, rng)
    short, summaries = _bank(phrases.SHORT, rng), _bank(phrases.SUMMARIES, rng)
    return sentences, short, summaries, _openings(sentences)


def _bank(templates: tuple[tuple[str, ...], ...], rng: random.Random) -> Bank:
    filled = [
        _fill(_draw(templates[tone], rng), category, rng)
        for category in CATEGORIES
        for tone in range(phrases.TONES)
        for _ in range(VARIANTS)
    ]
    return _as_bank(filled)


def _as_bank(filled: list[str]) -> Bank:
    first = np.arange(len(CATEGORIES) * phrases.TONES).reshape(-1, phrases.TONES) * VARIANTS
    return Bank([escape(t, False) for t in filled], [escape(t, True) for t in filled], first)


def _openings(sentences: Bank) -> Bank:
    """Return summaries like those of the shop for reviews without one: first words, ellipsis."""
    texts = (json.loads(f'"{text}"').split() for text in sentences.plain)
    cut = [
        " ".join(words[:TRUNCATED_WORDS]) + (" ..." if len(words) > TRUNCATED_WORDS else "")
        for words in texts
    ]
    return _as_bank(cut)


def _fill(template: str, category: Category, rng: random.Random) -> str:
    words = {slot: _draw(_choices(slot, category), rng) for slot in _slots(template)}
    if words.get("aspect") == words.get("aspect2") and "aspect2" in words:
        words["aspect2"] = "rest"
    text = template.format(**words)
    return text[0].upper() + text[1:] if rng.random() < 0.9 else text


@cache
def _slots(template: str) -> tuple[str, ...]:
    return tuple(slot for _, slot, _, _ in Formatter().parse(template) if slot)


def _choices(slot: str, category: Category) -> Sequence[str]:
    if slot == "noun":
        return category.nouns
    return category.aspects if slot.startswith("aspect") else _WORDS[slot]


def _draw(choices: Sequence[str], rng: random.Random) -> str:
    return choices[int(rng.random() * len(choices))]
