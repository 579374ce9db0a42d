"""The commands that use the sentiment model; Dagster trains it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amazon_reviews import config
from amazon_reviews.cli.refusal import Refusal
from amazon_reviews.cli.terminal import plain
from amazon_reviews.errors import LocationError
from amazon_reviews.models.minimums import no_model

if TYPE_CHECKING:
    from amazon_reviews.models.sentiment.classifier import SentimentClassifier
    from amazon_reviews.models.sentiment.explanation import Explanation

_FILE = click.Path(dir_okay=False, path_type=Path)
_TASKS = ("binary", "label_a", "three", "five")


@click.group()
def sentiment() -> None:
    """What the sentiment model says about texts, and how good it is."""


@sentiment.command()
@click.argument("text", required=False)
@click.option("--csv", "source", type=_FILE, help="CSV file with a column `text`.")
@click.option("--out", type=_FILE, help="The CSV file to write.")
def predict(text: str | None, source: Path | None, out: Path | None) -> None:
    """Tell whether TEXT, or each text of a CSV file, is positive or negative.

    A text alone: label, probability, and the words that decided with the log-odds that they add,
    below 0 those that speak against the label. A file: the same rows with label, probability, and
    the reason where a text is refused (it is empty, has one letter, or digits only).
    """
    if (text is None) == (source is None) or (source is None) != (out is None):
        raise click.UsageError("give either a text, or --csv with --out")
    if source and out:
        _predict_file(source, out)
    else:
        _print_explanation(_explained(text or ""))


@sentiment.command()
@click.argument("file", type=_FILE)
@click.option(
    "--task",
    type=click.Choice(_TASKS),
    default="binary",
    show_default=True,
    help="1-2 against 4-5 stars, 1-3 against 4-5, 1-2, 3 and 4-5, or each by itself.",
)
def evaluate(file: Path, task: str) -> None:
    """Measure the model on the reviews of FILE, JSON lines, gzipped or not; print JSON."""
    model = _model()
    from amazon_reviews.errors import InputFileError
    from amazon_reviews.models.sentiment.compare import answers
    from amazon_reviews.models.sentiment.storage import model_version
    from amazon_reviews.models.sentiment.tasks import task_named
    from amazon_reviews.serving.input_files import read_reviews

    try:
        found = answers(model, read_reviews(file), task_named(task))
    except InputFileError as error:
        raise Refusal(str(error)) from None
    figures = {
        "task": task,
        **asdict(found.metrics()),
        "skipped": found.skipped,
        "model_version": model_version(model),
    }
    click.echo(json.dumps(figures, indent=2))


def _predict_file(source: Path, out: Path) -> None:
    model = _model()
    from amazon_reviews.errors import InputFileError
    from amazon_reviews.serving.sentiment_csv import predict_csv

    try:
        found = predict_csv(model, source, out)
    except InputFileError as error:
        raise Refusal(str(error)) from None
    click.echo(f"{found.labelled:,} texts judged, {found.rejected:,} refused", err=True)
    click.echo(out)


def _explained(text: str) -> "Explanation":
    from amazon_reviews.models.sentiment.explanation import explain
    from amazon_reviews.models.sentiment.texts import refusal

    if reason := refusal(text):
        raise Refusal(reason)
    return explain(_model(), text, task="binary")


def _print_explanation(found: "Explanation") -> None:
    click.echo(f"{found.label} {found.probability:.4f}")
    for reason in found.reasons:
        click.echo(plain(f"{reason.weight:+8.3f}  {reason.words}"))


def _model() -> "SentimentClassifier":
    settings = config.load()
    from amazon_reviews.errors import ModelFileError
    from amazon_reviews.models.sentiment.storage import load
    from amazon_reviews.resources.model_store import ModelStore

    try:
        stored = ModelStore(settings.models, settings.tracking_uri).current("sentiment")
        if stored is None:
            raise Refusal(no_model("sentiment"))
        return load(stored.path)
    except LocationError as error:
        raise Refusal(str(error)) from None
    except ModelFileError as error:
        raise Refusal(f"{error}; materialize the asset model/sentiment again") from None
    except OSError as error:
        raise Refusal(f"{error.filename} cannot be read: {error.strerror}") from None
