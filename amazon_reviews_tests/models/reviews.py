"""Reviews made up for the tests of models: what is liked and what is not, among much else."""

import gzip
import json

import numpy as np
import pyarrow as pa

from amazon_reviews.models.sentiment.examples import Examples

GOOD = "great love perfect excellent".split()
BAD = "terrible broke refund waste".split()
PLAIN = "the a it item box color size came with for my was in day use two".split()


def made_up(rows, seed=0, users=200, bad_share=0.3):
    """Reviews whose words tell the stars, with some noise; the same for the same seed."""
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


def examples(texts, stars, **columns):
    return Examples.from_arrow(pa.table({"review_text": texts, "overall": stars, **columns}))


def _text(star, random):
    words = list(random.choice(PLAIN, 6))
    if star != 3 and random.random() < 0.9:
        words.insert(random.integers(6), random.choice(GOOD if star > 3 else BAD))
    return " ".join(words)


def category_samples(folder):
    """The real reviews of the folder, and the name of the file of each as its group."""
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
