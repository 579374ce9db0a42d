"""Evaluation, predictions and marts of the sentiment model."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from amazon_reviews.defs.assets.marts import MartScope
from amazon_reviews.defs.assets.metadata import data_version, picture, share_of, table_metadata
from amazon_reviews.defs.assets.partitioned import (
    ReviewScope,
    failures_of,
    names_of,
    partitioned_result,
)
from amazon_reviews.defs.assets.spec import Events, check_spec, table_asset, table_spec
from amazon_reviews.errors import ModelFileError
from amazon_reviews.models.loading import SENTIMENT, current_model, no_model
from amazon_reviews.pipeline.artifacts import MODEL_SENTIMENT
from amazon_reviews.pipeline.marts import SENTIMENT_MARTS, MartBuilder, transform_of
from amazon_reviews.pipeline.segments import sum_by_partition
from amazon_reviews.pipeline.versions import model_version
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse, partition_rows
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas import sentiment as tables
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import GOLD_REVIEWS

if TYPE_CHECKING:
    from amazon_reviews.models.sentiment.classifier import SentimentClassifier
    from amazon_reviews.pipeline.sentiment.evaluate import Evaluated

# The UI shows pictures in a dialog that is about 1,000 pixels wide.
_SCALE = 1.2
_NO_MODEL = no_model(SENTIMENT)
_EVALUATION = (
    tables.SENTIMENT_EVALUATION,
    tables.SENTIMENT_CONFUSION,
    tables.SENTIMENT_CALIBRATION,
    tables.SENTIMENT_WORDS,
)


def evaluation_assets(star_classifier: Path | None) -> dg.AssetsDefinition:
    """Return the tables of the evaluation, with that star classifier as a baseline."""

    @dg.multi_asset(
        specs=[table_spec(table, skippable=True) for table in _EVALUATION],
        can_subset=True,
        pool="sentiment_evaluation",
    )
    def sentiment_evaluation(
        context: dg.AssetExecutionContext,
        lakehouse: dg.ResourceParam[Lakehouse],
        model_store: dg.ResourceParam[ModelStore],
    ) -> Iterator[dg.MaterializeResult]:
        """Evaluate the current model on the held-out users, beside baselines."""
        from amazon_reviews.pipeline.sentiment.evaluate import evaluate_model

        store = model_store
        inputs = {MODEL_SENTIMENT.key: model_version(store, MODEL_SENTIMENT.key)}
        model, stored = _current(context, store), store.current(SENTIMENT)
        evaluation = evaluate_model(lakehouse, model, star_classifier) if model else None
        rows = evaluation.tables() if evaluation else {}
        pictures = _pictures(evaluation) if evaluation else {}
        for table in _EVALUATION:
            if dg.AssetKey(table.path) in context.selected_asset_keys:
                # Without a model the earlier evaluation stays.
                lakehouse.ensure(table.key)
                if table.key in rows:
                    lakehouse.write(
                        rows[table.key], table.key, replacing=ALL_ROWS, built={WHOLE: inputs}
                    )
                else:
                    lakehouse.record(table.key, {WHOLE: inputs})
                metadata = table_metadata(lakehouse, table.key)
                for name, png in pictures.get(table.key, {}).items():
                    metadata[name] = picture(png)
                if not evaluation:
                    metadata["not_evaluated"] = _NO_MODEL
                yield dg.MaterializeResult(
                    asset_key=table.path,
                    metadata=metadata,
                    data_version=data_version(lakehouse, table.key),
                )
        if evaluation and stored:
            by_name = {name: png for group in pictures.values() for name, png in group.items()}
            store.attach(stored, evaluation.figures(), by_name)

    return sentiment_evaluation


def _pictures(evaluation: "Evaluated") -> dict[str, dict[str, bytes]]:
    """Return PNG pictures by name, for each table that has some."""
    from amazon_reviews.serving.charts import sentiment as charts
    from amazon_reviews.serving.charts.style import pictures

    confusion = {
        f"confusion_{task}": charts.confusion(rows)
        for task in evaluation.by_task
        if (rows := evaluation.confusion_of(task)).num_rows
    }
    reliability = {"reliability": charts.calibration(evaluation.calibration)}
    return {
        tables.SENTIMENT_CONFUSION.key: pictures(confusion, _SCALE),
        tables.SENTIMENT_CALIBRATION.key: pictures(reliability, _SCALE),
    }


@table_asset(
    tables.SENTIMENT_PREDICTIONS,
    checks=[
        check_spec(tables.SENTIMENT_PREDICTIONS, "complete", "as many rows as reviews in gold")
    ],
)
def gold_sentiment_predictions(
    context: dg.AssetExecutionContext,
    config: ReviewScope,
    lakehouse: dg.ResourceParam[Lakehouse],
    model_store: dg.ResourceParam[ModelStore],
) -> Events:
    """Predict the reviews of a run's partitions that have no prediction of the current model."""
    from amazon_reviews.pipeline.sentiment.predict import predict_partitions

    names = names_of(context, config)
    built = model_version(model_store, MODEL_SENTIMENT.key)
    reviews = lakehouse.versions(GOLD_REVIEWS.key)
    model = _current(context, model_store)
    lakehouse.ensure(tables.SENTIMENT_PREDICTIONS.key)
    figures: dict[str, dict[str, int]] = {}
    if model is None:
        # Earlier predictions stay, and this is all that can be done with these reviews.
        lakehouse.record(
            tables.SENTIMENT_PREDICTIONS.key,
            {n: {GOLD_REVIEWS.key: reviews.get(n, 0), MODEL_SENTIMENT.key: built} for n in names},
            checks={name: {"complete": True} for name in names},
        )
        not_predicted = {name: {"not_predicted": _NO_MODEL} for name in names}
        complete = _complete(lakehouse, names, has_model=False)
        yield from partitioned_result(context, lakehouse, not_predicted, checks=complete)
        return
    with failures_of(context) as failures:
        for name, predicted in predict_partitions(
            lakehouse, model, names, built, rebuild=config.rebuild
        ):
            figures[name] = {
                "dagster/partition_row_count": predicted.rows,
                "predicted": predicted.predicted,
            }
            advance(name)
    checks = _complete(lakehouse, list(figures), has_model=True)
    yield from partitioned_result(context, lakehouse, figures, failures, checks)


def _current(context: dg.AssetExecutionContext, store: ModelStore) -> "SentimentClassifier | None":
    """Return the current model; None, with the reason in the log, if it cannot be read."""
    try:
        model = current_model(store, SENTIMENT)
    except ModelFileError as error:
        context.log.error(f"the current sentiment model cannot be read: {error}")
        return None
    if model is None:
        context.log.warning(_NO_MODEL)
    return model


def _complete(
    lakehouse: Lakehouse, partitions: Sequence[str], *, has_model: bool
) -> dict[str, list[dg.AssetCheckResult]]:
    """Compare the rows of each of these partitions with its reviews.

    Without a model it warns and blocks nothing: earlier predictions stay valid.
    """
    by_table = []
    for key in (tables.SENTIMENT_PREDICTIONS.key, GOLD_REVIEWS.key):
        lakehouse.ensure(key)
        by_table.append(sum_by_partition(partition_rows(lakehouse.delta(key))))
    predicted, reviews = by_table
    checks: dict[str, list[dg.AssetCheckResult]] = {}
    for name in partitions:
        rows, expected = predicted.get(name, 0), reviews.get(name, 0)
        figures = f"{rows:,} rows for {expected:,} reviews"
        result = dg.AssetCheckResult(
            check_name="complete",
            passed=has_model and rows == expected,
            severity=dg.AssetCheckSeverity.ERROR if has_model else dg.AssetCheckSeverity.WARN,
            description=figures if has_model else f"{_NO_MODEL}; {figures}",
            metadata={"predicted_share": share_of(rows, expected)},
        )
        checks[name] = [result]
    if has_model:
        verdicts = {name: {"complete": result.passed} for name, (result,) in checks.items()}
        lakehouse.record(tables.SENTIMENT_PREDICTIONS.key, checks=verdicts)
    return checks


@dg.multi_asset(
    specs=[
        table_spec(mart, transform=transform_of(mart), skippable=True) for mart in SENTIMENT_MARTS
    ],
    can_subset=True,
    pool="sentiment_marts",
)
def sentiment_marts(
    context: dg.AssetExecutionContext,
    config: MartScope,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.MaterializeResult]:
    """Build the selected marts, all from the same state of the predictions."""
    spark, batch_rows = engine.session, engine.batch_rows
    builder = MartBuilder(spark, lakehouse, batch_rows, SENTIMENT_MARTS, rebuild=config.rebuild)
    for mart in SENTIMENT_MARTS:
        if dg.AssetKey(mart.path) in context.selected_asset_keys:
            builder.build(mart)
            metadata = table_metadata(lakehouse, mart.key)
            yield dg.MaterializeResult(
                asset_key=mart.path,
                metadata=metadata,
                data_version=data_version(lakehouse, mart.key),
            )
