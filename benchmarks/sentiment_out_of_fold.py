"""`python -m benchmarks.sentiment_out_of_fold FOLDER`: texts against stars of learned reviews.

FOLDER has a file of gzipped JSON lines of reviews for each category. The predictions of reviews
that the model learned from should look like those of held-out ones.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.judgement import Judgements
from amazon_reviews.models.sentiment.splits import by_user
from benchmarks.machine import describe
from benchmarks.sentiment import HELD_OUT_SHARE, read_examples

_FIGURES = ("contradictions", "negatives found", "expected - given stars")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--splits", default=5, show_default=True, help="Splits by user.")
@click.option(
    "--chunk-rows",
    default=(50_000, 6_000),
    multiple=True,
    show_default=True,
    help="Reviews of a chunk: five folds if one chunk has them all, else two.",
)
def main(folder: Path, splits: int, chunk_rows: tuple[int, ...]) -> None:
    """Compare learned and held-out reviews, by the final weights and by those of the folds."""
    machine = describe()
    print(f"CPU: {machine['cpu']}, {machine['cores']} cores; load before: {machine['load_before']}")
    print(f"{'weights':26}{'reviews':10}" + "".join(f"{name:>24}" for name in _FIGURES))
    examples = read_examples(sorted(folder.glob("*.json.gz")))
    for rows in chunk_rows:
        figures: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
        for seed in range(splits):
            for key, found in _figures(examples, rows, seed):
                figures.setdefault(key, []).append(found)
        for (weights, side), of_splits in figures.items():
            contradictions, negatives, stars = np.mean(of_splits, axis=0)
            name = f"{weights}, chunks of {rows:,}"
            print(f"{name:26}{side:10}{contradictions:24.2%}{negatives:24.1%}{stars:24.3f}")


def _figures(
    examples: Examples, rows: int, seed: int
) -> Iterator[tuple[tuple[str, str], tuple[float, float, float]]]:
    split = by_user(examples.users, HELD_OUT_SHARE, seed)
    model = SentimentClassifier(chunk_rows=rows, seed=seed).fit(examples.where(split.train))
    for weights, scores in (
        ("final", model.scores(examples)),
        ("folds", model.out_of_fold_scores(examples)[0]),
    ):
        judgements = Judgements.of(model, scores)
        for side, rated in (("learned", split.train), ("held out", split.test)):
            yield (weights, side), _compare(judgements, examples.stars, rated)


def _compare(
    judgements: Judgements, stars: np.ndarray, rated: np.ndarray
) -> tuple[float, float, float]:
    negative, positive = stars < 3, stars > 3
    opposite = ((judgements.sentiments == "negative") & positive) | (
        (judgements.sentiments == "positive") & negative
    )
    return (
        float(opposite[rated].mean()),
        float((judgements.sentiments == "negative")[negative & rated].mean()),
        float((judgements.expected_stars - stars)[rated].mean()),
    )


if __name__ == "__main__":
    main()
