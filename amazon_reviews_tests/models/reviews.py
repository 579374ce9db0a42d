"""Synthetic and sample reviews for the tests of models."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from amazon_reviews.models.sentiment.examples import Examples

GOOD = "great love perfect excellent".split()
BAD = "terrible broke refund waste".split()
PLAIN = "the a it item box color size came with for my was in day use two".split()


def synthetic_reviews(
    rows: int, seed: int = 0, users: int = 200, bad_share: float = 0.3
) -> Examples:
    """Return reviews whose words indicate the stars, with some noise."""
    random = np.random.default_rng(seed)
    bad = random.random(rows) < bad_share
    stars = np.where(bad, random.integers(1, 3, rows), random.integers(4, 6, rows))
    stars[random.random(rows) < 0.1] = 3
    texts = [_text(star, random) for star in stars]
    return examples(
        texts,
        stars,
        summary=[" ".join(random.choice(PLAIN, 2)) for _ in texts],
        reviewer_id=[f"A{user}" for user in random.integers(0, users, rows)],
    )


def examples(texts: Sequence[str | None], stars: ArrayLike, **columns: Any) -> Examples:
    """Return examples of these texts and stars, with other columns of gold/reviews."""
    return Examples.from_arrow(pa.table({"review_text": texts, "overall": stars, **columns}))


def _text(star: int, random: np.random.Generator) -> str:
    words = list(random.choice(PLAIN, 6))
    if star != 3 and random.random() < 0.9:
        words.insert(random.integers(6), random.choice(GOOD if star > 3 else BAD))
    return " ".join(words)


def category_samples(folder: Path) -> Examples:
    """Return the sample reviews of the folder; the group of each is the name of its file."""
    rows = []
    for path in sorted((folder / "reviews" / "category_samples").glob("*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in filter(str.strip, lines):
                review = json.loads(line)
                rows.append(
                    (
                        review.get("summary"),
                        review.get("reviewText"),
                        review["overall"],
                        review["reviewerID"],
                        path.name,
                    )
                )
    summaries, texts, stars, users, groups = zip(*rows, strict=True)
    return examples(texts, stars, summary=summaries, reviewer_id=users, main_category=groups)
