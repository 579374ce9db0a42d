"""What the sentiment model says, of every review and in sum, and how good it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from amazon_reviews.assets.common import OWNERS, asset_options, partitioned_result
from amazon_reviews.assets.reporting import column_schema, picture, table_metadata
from amazon_reviews.automation.conditions import FOLLOW_PARTITION_AT_TIMES, FOLLOW_TABLES
from amazon_reviews.pipeline.marts import SENTIMENT_MARTS, make_mart
from amazon_reviews.pipeline.segments import folded
from amazon_reviews.progress import advance
from amazon_reviews.resources.engine import SparkEngine
from amazon_reviews.resources.lakehouse import Lakehouse, partition_rows
from amazon_reviews.resources.published import ModelStoreResource
from amazon_reviews.schemas import Table
from amazon_reviews.schemas import sentiment as tables

if TYPE_CHECKING:
    from amazon_reviews.pipeline.sentiment.evaluating import Evaluated

_GROUP = "sentiment"
_MODEL = ["model", "sentiment"]
# The UI shows pictures in a dialog that is about 1,000 pixels wide.
_SCALE = 1.2
_NO_MODEL = "there is no sentiment model yet"
_EVALUATION = (
    tables.SENTIMENT_EVALUATION,
    tables.SENTIMENT_CONFUSION,
    tables.SENTIMENT_CALIBRATION,
    tables.SENTIMENT_WORDS,
)


def _spec(table: Table, above: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        table.key.split("/"),
        deps=[above.split("/")],
        group_name=_GROUP,
        kinds={"delta"},
        owners=OWNERS,
        code_version="1",
        description=description,
        metadata={"dagster/column_schema": column_schema(table.key)},
        automation_condition=FOLLOW_TABLES,
        skippable=True,
    )


def evaluation_assets(star_classifier: Path | None) -> dg.AssetsDefinition:
    """The tables of the evaluation, with the star classifier in that folder as a rival."""

    @dg.multi_asset(
        specs=[_spec(table, "model/sentiment", table.grain) for table in _EVALUATION],
        can_subset=True,
        pool="sentiment_evaluation",
    )
    def sentiment_evaluation(
        context: dg.AssetExecutionContext, lakehouse: Lakehouse, model_store: ModelStoreResource
    ) -> Iterator[dg.MaterializeResult]:
        """Measure the model in use on the held-out users, beside simpler ways to tell."""
        from amazon_reviews.pipeline.sentiment.evaluating import evaluate_model
        from amazon_reviews.pipeline.sentiment.training import MODEL, model_in_use

        store = model_store.open()
        model, stored = model_in_use(store), store.current(MODEL)
        found = evaluate_model(lakehouse, model, star_classifier) if model else None
        rows = found.tables() if found else {}
        pictures = _pictures(found) if found else {}
        for table in _EVALUATION:
            if dg.AssetKey(table.key.split("/")) in context.selected_asset_keys:
                made = rows.get(table.key, table.arrow_schema.empty_table())
                lakehouse.replace_arrow(made, table.key, {})
                shown = {name: picture(png) for name, png in pictures.get(table.key, {}).items()}
                metadata = {
                    **table_metadata(lakehouse, table.key),
                    **shown,
                    **({} if found else {"not_evaluated": _NO_MODEL}),
                }
                yield dg.MaterializeResult(asset_key=table.key.split("/"), metadata=metadata)
        if found and stored:
            every = {name: png for shown in pictures.values() for name, png in shown.items()}
            store.attach(stored, found.figures(), every)

    return sentiment_evaluation


def _pictures(found: "Evaluated") -> dict[str, dict[str, bytes]]:
    """PNG pictures by name, for each table that has some."""
    from amazon_reviews.serving.charts import sentiment as charts
    from amazon_reviews.serving.charts.png import png_bytes

    return {
        tables.SENTIMENT_CONFUSION.key: {
            f"confusion_{task}": png_bytes(charts.confusion(rows), _SCALE)
            for task in found.by_task
            if (rows := found.confusion_of(task)).num_rows
        },
        tables.SENTIMENT_CALIBRATION.key: {
            "reliability": png_bytes(charts.calibration(found.calibration), _SCALE)
        },
    }


@dg.asset(
    **asset_options(tables.SENTIMENT_PREDICTIONS.key, "1", group=_GROUP),
    deps=[
        dg.AssetDep(["gold", "reviews"], partition_mapping=dg.IdentityPartitionMapping()),
        _MODEL,
    ],
    check_specs=[
        dg.AssetCheckSpec(
            "complete",
            asset=tables.SENTIMENT_PREDICTIONS.key.split("/"),
            blocking=True,
            description="there are as many rows as reviews in gold",
        )
    ],
    automation_condition=FOLLOW_PARTITION_AT_TIMES,
)
def gold_sentiment_predictions(
    context: dg.AssetExecutionContext, lakehouse: Lakehouse, model_store: ModelStoreResource
) -> dg.MaterializeResult:
    """One row per review in gold: what the model in use says of its text.

    What it said of the same reviews before is kept.
    """
    from amazon_reviews.pipeline.sentiment.predicting import predict_partitions
    from amazon_reviews.pipeline.sentiment.training import model_in_use

    model = model_in_use(model_store.open())
    figures: dict[str, dict[str, int]] = {}
    if model is None:
        context.log.warning(_NO_MODEL)
        return dg.MaterializeResult(
            metadata={"not_predicted": _NO_MODEL}, check_results=[_complete(0, 0)]
        )
    for name, predicted in predict_partitions(lakehouse, model, context.partition_keys):
        figures[name] = {"dagster/partition_row_count": predicted.rows, "anew": predicted.anew}
        advance(name)
    own = partition_rows(lakehouse.delta(tables.SENTIMENT_PREDICTIONS.key))
    reviews = sum(found["dagster/partition_row_count"] for found in figures.values())
    judged = sum(count for name, count in folded(own).items() if name in figures)
    return partitioned_result(
        context, lakehouse, figures, check_results=[_complete(judged, reviews)]
    )


def _complete(judged: int, reviews: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name="complete",
        passed=judged == reviews,
        description=None if judged == reviews else f"{judged:,} rows for {reviews:,} reviews",
        metadata={"rows": judged, "reviews": reviews},
    )


@dg.multi_asset(
    specs=[
        _spec(mart.table, mart.inputs[0], mart.transform.__doc__ or "") for mart in SENTIMENT_MARTS
    ],
    can_subset=True,
    pool="sentiment_marts",
)
def sentiment_marts(
    context: dg.AssetExecutionContext, engine: SparkEngine, lakehouse: Lakehouse
) -> Iterator[dg.MaterializeResult]:
    """Make the selected marts, all from the same state of the predictions."""
    key = tables.SENTIMENT_PREDICTIONS.key
    lakehouse.ensure(key)
    versions = {key: lakehouse.delta(key).version()}
    for mart in SENTIMENT_MARTS:
        own = mart.table.key.split("/")
        if dg.AssetKey(own) in context.selected_asset_keys:
            make_mart(engine.session, lakehouse, mart, versions)
            metadata = table_metadata(lakehouse, mart.table.key)
            yield dg.MaterializeResult(asset_key=own, metadata=metadata)
