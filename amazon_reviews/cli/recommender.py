"""The command that measures recommenders on a file of ratings."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from amazon_reviews.cli.refusal import Refusal
from amazon_reviews.models.recommender.names import (
    METHOD_NAMES,
    SPLITS,
    SplitName,
    names_without_products,
)

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def recommender() -> None:
    """How good recommenders are."""


@recommender.command()
@click.argument("ratings", type=_FILE)
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    default="temporal",
    show_default=True,
    help="Ask for what came after a moment, the same for all, or for the last of each user.",
)
@click.option("--methods", help="Names, parted by commas (default: all that need ratings only).")
@click.option("--seed", default=0, show_default=True, help="Of the bootstrap.")
def evaluate(ratings: Path, split: SplitName, methods: str | None, seed: int) -> None:
    """Measure methods on RATINGS, a CSV file with user, item, rating and timestamp; print JSON.

    Every method learns from the same earlier ratings, and ranks all items that the user has not
    rated. A timestamp is a number of seconds (or milliseconds) since 1970, or a date and time as
    2018-05-01T10:00:00, in UTC.
    """
    from amazon_reviews.errors import InputFileError, SplitError
    from amazon_reviews.serving.input_files import read_ratings

    chosen = _methods(methods)
    try:
        interactions = read_ratings(ratings)
        click.echo(json.dumps(_figures(interactions, split, chosen, seed), indent=2))
    except InputFileError as error:
        raise Refusal(str(error)) from None
    except SplitError as error:
        raise Refusal(f"{ratings}: {error}") from None


def _methods(given: str | None) -> Sequence[str]:
    usable = names_without_products()
    if given is None:
        return usable
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if name not in usable:
            why = "needs to know the products" if name in METHOD_NAMES else "is no method"
            raise Refusal(f"--methods: {name or 'nothing'} {why}; take of {', '.join(usable)}")
    return list(dict.fromkeys(names))


def _figures(
    interactions: Any, split: SplitName, methods: Sequence[str], seed: int
) -> dict[str, Any]:
    from amazon_reviews.models.recommender.evaluation import Evaluator
    from amazon_reviews.models.recommender.methods import method_named
    from amazon_reviews.models.recommender.splits import split_named

    evaluator = Evaluator(split_named(split, interactions), seed=seed)
    found = {}
    for name in methods:
        found[name] = evaluator.evaluate(method_named(name)).summary()
        click.echo(f"{name}: {found[name]['fit_seconds']:.1f} s to learn", err=True)
    return found
