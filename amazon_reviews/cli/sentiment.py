"""`amazon-reviews sentiment predict` and `amazon-reviews sentiment evaluate`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.stored_model import stored_model
from amazon_reviews.errors import UsageError
from amazon_reviews.models.loading import ONLY_GENERATED
from amazon_reviews.models.sentiment.texts import unusable_reason
from amazon_reviews.serving.review_files import read_reviews
from amazon_reviews.serving.review_labels import LABEL_MEANINGS, LabelMeaning
from amazon_reviews.serving.sentiment_csv import predict_csv

_FILE = click.Path(dir_okay=False, path_type=Path)
# label_a is a deprecated name of negative_up_to_3.
_TASKS = ("binary", "negative_up_to_3", "three", "five", "label_a")


@click.group()
def sentiment() -> None:
    """Predict the sentiment of texts, and evaluate the model."""


@sentiment.command()
@click.argument("text", required=False)
@click.option("--csv", "source", type=_FILE, help="CSV file with a column `text`.")
@click.option("--out", type=_FILE, help="The CSV file to write.")
def predict(text: str | None, source: Path | None, out: Path | None) -> None:
    """Predict if TEXT, or each text of a CSV file, is positive or negative, and its stars.

    For TEXT: prints label and probability; the sentiment, which may be neutral, and the stars;
    the start, which is the prediction without any word; and the words that decided, with the
    log-odds that they add. Those below 0 speak against the label. For a file: writes the same rows
    with label, probability, sentiment and stars, or the reason if a text cannot be used (it is
    empty, or has one letter or only digits).
    """
    if (text is None) == (source is None) or (source is None) != (out is None):
        raise click.UsageError("give either a text, or --csv with --out")
    if source and out:
        counts = predict_csv(_model(), source, out)
        echo(f"{counts.labelled:,} texts labelled, {counts.rejected:,} rejected", err=True)
        echo(out)
    else:
        _print_explanation(text or "")


def _model() -> Any:
    """Return the current model, with a note if it learned from generated reviews only."""
    model = stored_model("sentiment")
    if model.only_generated_:
        echo(ONLY_GENERATED, err=True)
    return model


def _print_explanation(text: str) -> None:
    if problem := unusable_reason(text):
        raise UsageError(problem)
    # Here because scikit-learn takes seconds to import, which help and errors must not wait for.
    from amazon_reviews.models.sentiment.explanation import explain
    from amazon_reviews.models.sentiment.judgement import Judgements

    model = _model()
    explanation = explain(model, text, task="binary")
    judgement = Judgements.of(model, model.scores([text]))
    echo(f"{explanation.label} {explanation.probability:.4f}")
    echo(
        f"{judgement.sentiments[0]} {judgement.by_sentiment.max():.4f} of three classes, "
        f"stars {judgement.likely_stars[0]}"
    )
    echo(f"start: {explanation.start} {explanation.start_probability:.4f}, as most reviews are")
    if not explanation.has_known_words:
        echo("no word of this text is known: the start says nothing about it")
    for reason in explanation.reasons:
        echo(f"{reason.weight:+8.3f}  {reason.words}")


@sentiment.command()
@click.argument("file", type=_FILE)
@click.option(
    "--task",
    type=click.Choice(_TASKS),
    default="binary",
    show_default=True,
    help="Classes: 1-2 and 4-5 stars; 1-3 and 4-5; 1-2, 3 and 4-5; or five of one star each.",
)
@click.option(
    "--labels",
    type=click.Choice(LABEL_MEANINGS),
    help="Meaning of labels that are numbers: stars, or two classes (default: found out from all "
    "labels of the file).",
)
def evaluate(file: Path, task: str, labels: LabelMeaning | None) -> None:
    """Evaluate the model on the reviews of FILE; print JSON.

    FILE has JSON lines, fastText lines such as `__label__2 text`, or records separated by commas
    or tabs. It may be compressed. Labels 1 and 2 alone, as 0 and 1, are negative and positive.
    Reviews without a label are skipped.
    """
    # Here because scikit-learn takes seconds to import, which help and errors must not wait for.
    from amazon_reviews.models.sentiment import compare, storage, tasks

    model = stored_model("sentiment")
    reviews = read_reviews(file, labels)
    name = tasks.task_named(task).name
    if reviews.meaning == "polarity" and name == "five":
        raise UsageError(
            f"{file} has classes, not stars: --task five needs stars; use another task, or "
            "--labels stars if its labels are stars"
        )
    predictions = compare.predict_chunks(model, reviews.examples(), tasks.task_named(task))
    metrics = {
        "task": name,
        **asdict(predictions.metrics()),
        "skipped": predictions.skipped,
        "model_version": storage.model_version(model),
    }
    echo(reviews.summary(), err=True)
    echo(json.dumps(metrics, indent=2))
