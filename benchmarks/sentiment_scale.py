"""`python -m benchmarks.sentiment_scale --reviews N`: train on and score generated reviews.

The reviews are written to a file first. A separate process reads it in batches for training.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from amazon_reviews.devtools.sample_data.categories import CATEGORIES
from amazon_reviews.devtools.sample_data.texts import Texts
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import metrics
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.splits import by_user
from amazon_reviews.models.sentiment.storage import save
from amazon_reviews.models.sentiment.tasks import IGNORED, TASKS
from benchmarks.machine import describe
from benchmarks.measure import measure
from benchmarks.runs import ROOT

BATCH = 20_000
TEST_SHARE = 0.1
# Generated texts of a review, which gives it about sixty words.
TEXTS_PER_REVIEW = 3

_STARS = (0.11, 0.05, 0.08, 0.16, 0.60)


@click.command()
@click.option("--reviews", default=300_000, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Regressions at a time.")
@click.option("--task", "tasks", multiple=True, type=click.Choice(list(TASKS)))
@click.option("--run", type=click.Path(path_type=Path), hidden=True)
def main(reviews: int, jobs: int, tasks: tuple[str, ...], run: Path | None) -> None:
    """Measure seconds, rows per second and peak memory of training, scoring and evaluation."""
    if run:
        print(json.dumps(_learn_and_score(run, jobs, tasks or tuple(TASKS))))
        return
    machine = describe()
    print(f"CPU: {machine['cpu']}, {machine['cores']} cores; load before: {machine['load_before']}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reviews.parquet"
        words = _write(path, reviews)
        print(f"{reviews:,} reviews, {words / reviews:.0f} words each on average")
        command = [sys.executable, "-m", "benchmarks.sentiment_scale", *sys.argv[1:], "--run"]
        environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        measured = measure([*command, str(path)], environ, ROOT)
    figures = json.loads(measured.stdout)
    for stage in ("learning", "scoring"):
        rows, seconds = figures[f"{stage}_rows"], figures[f"{stage}_seconds"]
        print(f"{stage}: {rows:,} reviews in {seconds:.1f} s, {rows / seconds:,.0f}/s")
    print(
        f"in all {measured.seconds:.1f} s, {measured.cpu_seconds:.1f} s of processors,"
        f" peak {measured.peak_bytes / 2**20:,.0f} MiB; model {figures['size'] / 1e6:.1f} MB;"
        f" binary AUC {figures['auc']:.4f}, macro F1 {figures['macro_f1']:.4f}"
    )


def _write(path: Path, reviews: int) -> int:
    """Write generated reviews, and return their number of words."""
    random, texts, words = np.random.default_rng(0), Texts(0), 0
    writer: pq.ParquetWriter | None = None
    for begin in range(0, reviews, BATCH):
        rows = min(BATCH, reviews - begin)
        table = _generated(texts, random, rows, reviews)
        words += sum(text.count(" ") + 1 for text in table["review_text"].to_pylist())
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()
    return words


def _generated(texts: Texts, random: np.random.Generator, rows: int, reviews: int) -> pa.Table:
    stars = random.choice(5, rows, p=_STARS) + 1
    departments = random.integers(0, len(CATEGORIES), rows)
    parts = [texts.write(departments, stars, False, random) for _ in range(TEXTS_PER_REVIEW)]
    users = random.integers(0, max(1, reviews // 4), rows)
    return pa.table(
        {
            "summary": parts[0][1],
            "review_text": [
                " ".join(together) for together in zip(*(p[0] for p in parts), strict=True)
            ],
            "overall": stars.astype(float),
            "reviewer_id": [f"A{user}" for user in users],
        }
    )


def _learn_and_score(path: Path, jobs: int, tasks: tuple[str, ...]) -> dict[str, float]:
    began = time.perf_counter()
    model = SentimentClassifier(tasks=tasks, jobs=jobs).fit(_chunks(path, is_test=False))
    learned = time.perf_counter()
    labels, probabilities = [np.zeros(0, np.int8)], [np.zeros((0, 2))]
    for chunk in _chunks(path, is_test=True):
        chunk_labels = TASKS["binary"].labels(chunk.stars)
        labels.append(chunk_labels[chunk_labels != IGNORED])
        probabilities.append(model.predict_proba(chunk, "binary")[chunk_labels != IGNORED])
    result = metrics(np.concatenate(labels), np.concatenate(probabilities))
    scored = time.perf_counter()
    model_path = path.with_name("model.npz")
    save(model, model_path)
    return {
        "learning_rows": model.rows_,
        "learning_seconds": learned - began,
        "scoring_rows": result.rows,
        "scoring_seconds": scored - learned,
        "size": model_path.stat().st_size,
        "auc": result.auc or 0.0,
        "macro_f1": result.macro_f1 or 0.0,
    }


def _chunks(path: Path, is_test: bool) -> Iterator[Examples]:
    for batch in pq.ParquetFile(path).iter_batches(BATCH):
        examples = Examples.from_arrow(batch)
        split = by_user(examples.users, TEST_SHARE, seed=1)
        yield examples.where(split.test if is_test else split.train)


if __name__ == "__main__":
    main()
