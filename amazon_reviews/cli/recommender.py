"""`amazon-reviews recommender evaluate`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import click

from amazon_reviews.cli.common.console import echo
from amazon_reviews.errors import SplitError, UsageError
from amazon_reviews.models.recommender.evaluation import Evaluator
from amazon_reviews.models.recommender.held_out import by_timestamp, held_out, last_out
from amazon_reviews.models.recommender.methods import method_named
from amazon_reviews.models.recommender.names import (
    BENCHMARK_SPLITS,
    METHOD_NAMES,
    SPLITS,
    SplitName,
    names_without_products,
)
from amazon_reviews.models.recommender.splits import Split, split_named
from amazon_reviews.serving.benchmark_files import part_files, read_split_files
from amazon_reviews.serving.rating_files import ROLES, read_ratings

_PATH = click.Path(path_type=Path)


@click.group()
def recommender() -> None:
    """Evaluate recommenders."""


@recommender.command()
@click.argument("ratings", type=_PATH, nargs=-1, required=True)
@click.option(
    "--split",
    type=click.Choice([*SPLITS, *BENCHMARK_SPLITS]),
    help="Test on ratings after one moment, the same for all, or on the last of each user "
    "(default: temporal). last-out and timestamp: validation and test parts of the Amazon Reviews "
    "2023 benchmark.",
)
@click.option(
    "--columns",
    help="Comma-separated names of the columns by place: user, item, rating, timestamp; any other "
    "name is ignored (default: found out from the content).",
)
@click.option("--methods", help="Comma-separated names (default: all that need ratings only).")
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
def evaluate(
    ratings: tuple[Path, ...],
    split: str | None,
    columns: str | None,
    methods: str | None,
    seed: int,
) -> None:
    """Evaluate methods on RATINGS, a file of user, item, rating and timestamp; print JSON.

    RATINGS may be three files X.train.csv, X.valid.csv and X.test.csv, or their folder. They are
    used as they are split.

    Every method learns from the same earlier ratings, and ranks all items that the user has not
    rated. A rating of 0 is skipped. A timestamp is a number of seconds (or milliseconds) since
    1970, or a date and time as 2018-05-01T10:00:00, in UTC.
    """
    names = _methods(methods)
    try:
        splits, summaries = _splits(ratings, split, _columns(columns))
    except SplitError as error:
        raise SplitError(f"{', '.join(map(str, ratings))}: {error}") from None
    for summary in summaries:
        echo(summary, err=True)
    echo(json.dumps(_metrics(splits, names, seed), indent=2))


def _columns(option: str | None) -> list[str] | None:
    names = None if option is None else [name.strip() for name in option.split(",")]
    if names is not None and any(names.count(role) != 1 for role in ROLES):
        raise UsageError(f"--columns needs each of {', '.join(ROLES)} once, not {option}")
    return names


def _splits(
    paths: Sequence[Path], name: str | None, columns: Sequence[str] | None
) -> tuple[Mapping[str, Split | None], list[str]]:
    """Return the splits of the ratings by name of the tested part, and what is to be reported."""
    if len(paths) > 1 or paths[0].is_dir():
        files = part_files(paths)
        if name in SPLITS:
            raise UsageError(f"--split {name}: the files are split already; leave the option out")
        splits, summaries = read_split_files(files, columns)
        return vars(splits), summaries
    ratings = read_ratings(paths[0], columns)
    interactions, milliseconds = ratings.interactions, ratings.milliseconds
    if name == "last-out":
        parts = last_out(interactions, milliseconds)
        return vars(held_out(interactions, parts)), [ratings.summary]
    if name == "timestamp":
        return vars(held_out(interactions, by_timestamp(milliseconds))), [ratings.summary]
    split = split_named(cast(SplitName, name or "temporal"), interactions)
    return {"test": split}, [ratings.summary]


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
    splits: Mapping[str, Split | None], methods: Sequence[str], seed: int
) -> dict[str, Any]:
    """Return the figures of the test part by method, with those of the validation part in it."""
    evaluators = {part: split and Evaluator(split, seed=seed) for part, split in splits.items()}
    metrics = {}
    for name in methods:
        figures: dict[str, Any] = {
            part: evaluator and evaluator.evaluate(method_named(name)).summary()
            for part, evaluator in evaluators.items()
        }
        metrics[name] = figures.pop("test") | figures
        echo(f"{name}: trained in {metrics[name]['fit_seconds']:.1f} s", err=True)
    return metrics
