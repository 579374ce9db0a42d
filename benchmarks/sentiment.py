"""`python -m benchmarks.sentiment FOLDER`: compare classifiers of negative and positive reviews.

FOLDER has a file of gzipped JSON lines of reviews for each category. Each candidate runs in a
separate process.
"""

import gzip
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa

from amazon_reviews.models.sentiment.evaluation import metrics
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.splits import Split, by_user, by_user_and_time
from amazon_reviews.models.sentiment.tasks import TASKS
from benchmarks.machine import describe
from benchmarks.measure import measure
from benchmarks.runs import ROOT
from benchmarks.sentiment_candidates import CANDIDATES

HELD_OUT_SHARE = 0.2
_FIGURES = ("auc", "macro_f1", "log_loss", "ece", "accuracy")
_FIELDS = {
    "summary": "summary",
    "review_text": "reviewText",
    "overall": "overall",
    "reviewer_id": "reviewerID",
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--splits", default=5, show_default=True, help="Splits by user.")
@click.option(
    "--by",
    type=click.Choice(["user", "time", "category"]),
    default="user",
    help="Hold out users, later reviews of held-out users, or a category in turn.",
)
@click.option("--without-summaries", is_flag=True, help="Test on the review texts alone.")
@click.option("--elsewhere", type=click.Path(path_type=Path, exists=True), multiple=True)
@click.option("--only", multiple=True, type=click.Choice(list(CANDIDATES)))
@click.option("--run", type=click.Choice(list(CANDIDATES)), hidden=True)
def main(
    folder: Path,
    splits: int,
    by: str,
    without_summaries: bool,
    elsewhere: tuple[Path, ...],
    only: tuple[str, ...],
    run: str | None,
) -> None:
    """Compare candidates on held-out users, categories, or on the files `--elsewhere`."""
    if run:
        print(json.dumps(list(_run(run, folder, splits, by, without_summaries, elsewhere))))
        return
    machine = describe()
    print(f"CPU: {machine['cpu']}, {machine['cores']} cores; load before: {machine['load_before']}")
    print(_HEAD)
    arguments = [argument for argument in sys.argv[1:] if argument not in ("--only", *only)]
    for name in only or CANDIDATES:
        print(
            _measured_line(name, arguments, detail=by == "category" or bool(elsewhere)), flush=True
        )


_HEAD = (
    f"{'':34}{'AUC':>16}{'macro F1':>16}{'log loss':>9}{'ECE':>7}{'fit s':>7}"
    f"{'rows/s':>9}{'MiB':>6}{'model MB':>9}"
)


def _measured_line(name: str, arguments: list[str], detail: bool) -> str:
    command = [sys.executable, "-m", "benchmarks.sentiment", *arguments, "--run", name]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    measured = measure(command, environ, ROOT)
    runs = json.loads(measured.stdout)
    columns = {
        key: np.array([run[key] for run in runs]) for key in (*_FIGURES, "fit", "rate", "size")
    }
    means = {key: values.mean() for key, values in columns.items()}
    line = (
        f"{name:34}{means['auc']:9.4f} ±{columns['auc'].std():.4f}"
        f"{means['macro_f1']:9.4f} ±{columns['macro_f1'].std():.4f}"
        f"{means['log_loss']:9.4f}{means['ece']:7.4f}{means['fit']:7.1f}{means['rate']:9,.0f}"
        f"{measured.peak_bytes / 2**20:6,.0f}{means['size'] / 1e6:9.2f}"
    )
    if not detail:
        return line
    details = (f"  {run['test']:32}{run['auc']:9.4f}{run['macro_f1']:16.4f}" for run in runs)
    return "\n".join([line, *details])


def _run(
    name: str,
    folder: Path,
    splits: int,
    by: str,
    without_summaries: bool,
    elsewhere: tuple[Path, ...],
) -> Iterator[dict[str, float | str]]:
    examples = read_examples(sorted(folder.glob("*.json.gz")))
    if elsewhere:
        tests = [(path.name.partition(".")[0], read_examples([path])) for path in elsewhere]
        yield from _learn_and_test(name, examples, tests)
        return
    for test, split in _splits(examples, splits, by):
        held_out = examples.where(split.test)
        if without_summaries:
            held_out = replace(held_out, summaries=pa.nulls(len(held_out), pa.large_string()))
        yield from _learn_and_test(name, examples.where(split.train), [(test, held_out)])


def _splits(examples: Examples, splits: int, by: str) -> Iterator[tuple[str, Split]]:
    if by == "category":
        yield from _by_category(examples)
        return
    for seed in range(splits):
        if by == "time":
            split = by_user_and_time(examples.users, examples.days, HELD_OUT_SHARE, seed)
        else:
            split = by_user(examples.users, HELD_OUT_SHARE, seed)
        yield f"{by} {seed}", split


def _by_category(examples: Examples) -> Iterator[tuple[str, Split]]:
    groups = examples.groups.to_numpy(zero_copy_only=False)
    for group in np.unique(groups):
        users = examples.users.to_numpy(zero_copy_only=False)
        test = groups == group
        yield str(group), Split(~test & ~np.isin(users, users[test]), test)


def _learn_and_test(
    name: str, train: Examples, tests: list[tuple[str, Examples]]
) -> Iterator[dict[str, float | str]]:
    candidate = CANDIDATES[name]()
    began = time.perf_counter()
    candidate.fit(train)
    fit = time.perf_counter() - began
    for test, examples in tests:
        labels = TASKS["binary"].labels(examples.stars)
        known, labels = examples.where(labels >= 0), labels[labels >= 0]
        began = time.perf_counter()
        positive = candidate.positive(known)
        rate = len(known) / (time.perf_counter() - began)
        result = metrics(labels, np.column_stack([1 - positive, positive]))
        figures = {key: getattr(result, key) for key in _FIGURES}
        yield {"test": test, **figures, "fit": fit, "rate": rate, "size": candidate.size()}


def read_examples(paths: list[Path]) -> Examples:
    """Read the rated reviews of files of JSON lines; the name of a file is their group."""
    rows = [row for path in paths for row in _rows(path)]
    return Examples.from_arrow(pa.Table.from_pylist(rows))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    group = path.name.partition(".")[0]
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in filter(str.strip, lines):
            review = json.loads(line)
            seconds = review.get("unixReviewTime")
            yield {name: review.get(field) for name, field in _FIELDS.items()} | {
                "main_category": group,
                "reviewed_on": seconds and datetime.fromtimestamp(seconds, UTC).date(),
            }


if __name__ == "__main__":
    main()
