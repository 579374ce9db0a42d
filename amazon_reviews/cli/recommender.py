"""`amazon-reviews recommender evaluate`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from amazon_reviews.errors import SplitError, UsageError
from amazon_reviews.models.recommender.evaluation import Evaluator
from amazon_reviews.models.recommender.interactions import Interactions
from amazon_reviews.models.recommender.methods import method_named
from amazon_reviews.models.recommender.names import (
    METHOD_NAMES,
    SPLITS,
    SplitName,
    names_without_products,
)
from amazon_reviews.models.recommender.splits import split_named
from amazon_reviews.serving.input_files import read_ratings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def recommender() -> None:
    """Evaluate recommenders."""


@recommender.command()
@click.argument("ratings", type=_FILE)
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    default="temporal",
    show_default=True,
    help="Test on ratings after one moment, the same for all, or on the last of each user.",
)
@click.option("--methods", help="Comma-separated names (default: all that need ratings only).")
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
def evaluate(ratings: Path, split: SplitName, methods: str | None, seed: int) -> None:
    """Evaluate methods on RATINGS, a CSV file with user, item, rating and timestamp; print JSON.

    Every method learns from the same earlier ratings, and ranks all items that the user has not
    rated. A timestamp is a number of seconds (or milliseconds) since 1970, or a date and time as
    2018-05-01T10:00:00, in UTC.
    """
    names = _methods(methods)
    interactions = read_ratings(ratings)
    try:
        click.echo(json.dumps(_metrics(interactions, split, names, seed), indent=2))
    except SplitError as error:
        raise SplitError(f"{ratings}: {error}") from None


def _methods(option: str | None) -> Sequence[str]:
    usable = names_without_products()
    if option is None:
        return usable
    names = [name.strip() for name in option.split(",")]
    for name in names:
        if name not in usable:
            problem = "needs to know the products" if name in METHOD_NAMES else "is not a method"
            raise UsageError(
                f"--methods: {name or 'nothing'} {problem}; use some of {', '.join(usable)}"
            )
    return list(dict.fromkeys(names))


def _metrics(
    interactions: Interactions, split: SplitName, methods: Sequence[str], seed: int
) -> dict[str, Any]:
    evaluator = Evaluator(split_named(split, interactions), seed=seed)
    metrics = {}
    for name in methods:
        metrics[name] = evaluator.evaluate(method_named(name)).summary()
        click.echo(f"{name}: trained in {metrics[name]['fit_seconds']:.1f} s", err=True)
    return metrics
