"""The recommenders: training data, evaluation, models and recommendations."""

from collections.abc import Iterator
from typing import Any, cast

import dagster as dg
import numpy as np
from pydantic import Field

from amazon_reviews.defs.assets.metadata import (
    data_version,
    model_data_version,
    model_metadata,
    picture,
    rounded,
    rows_metadata,
    table_metadata,
)
from amazon_reviews.defs.assets.spec import artifact_spec, table_asset, table_spec
from amazon_reviews.errors import ModelFileError, UnknownItemsError
from amazon_reviews.models.loading import current_model, no_model, recommender_name
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.models.recommender.names import METHOD_NAMES, SERVED, SPLITS, SplitName
from amazon_reviews.models.recommender.storage import model_version
from amazon_reviews.pipeline.artifacts import RECOMMENDER_MODELS
from amazon_reviews.pipeline.recommender.evaluate import Evaluated, evaluate_methods
from amazon_reviews.pipeline.recommender.matrices import (
    Matrix,
    make_interactions,
    make_matrices,
    read_interactions,
)
from amazon_reviews.pipeline.recommender.recommendations import make_similar, make_top
from amazon_reviews.pipeline.recommender.train import train
from amazon_reviews.pipeline.versions import model_version as version_of_model
from amazon_reviews.pipeline.versions import record_of
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas import Table
from amazon_reviews.schemas import recommender as tables
from amazon_reviews.schemas.built import WHOLE

_SERVED = RECOMMENDER_MODELS[SERVED].key
_NO_MODEL = no_model(recommender_name(SERVED))
_MATRICES = (
    tables.RECOMMENDER_USERS,
    tables.RECOMMENDER_PRODUCTS,
    tables.RECOMMENDER_RATINGS,
    tables.RECOMMENDER_CATEGORIES,
)


class EvaluationConfig(dg.Config):
    """Options of the evaluation."""

    splits: list[str] = Field(
        default=[*SPLITS],
        min_length=1,
        description="temporal: hold out what came after a moment, the same for all users; "
        "leave-last-out: hold out the last interaction of each user",
    )
    most_users: int = Field(
        default=2_000,
        gt=0,
        le=10_000_000,
        description="evaluated users at most, sampled at random",
    )


@table_asset(tables.RECOMMENDER_INTERACTIONS)
def gold_recommender_interactions(
    engine: dg.ResourceParam[SparkEngine], lakehouse: dg.ResourceParam[Lakehouse]
) -> dg.MaterializeResult:
    """Build the interactions from the latest rating of each user and product."""
    version = make_interactions(engine.session, lakehouse)
    key = tables.RECOMMENDER_INTERACTIONS.key
    return dg.MaterializeResult(
        metadata={**table_metadata(lakehouse, key), "gold_reviews_version": version}
    )


@dg.multi_asset(specs=[table_spec(table) for table in _MATRICES], pool="recommender_matrices")
def recommender_matrices(lakehouse: dg.ResourceParam[Lakehouse]) -> Iterator[dg.MaterializeResult]:
    """Number users and products, and store both matrices by these numbers, all together."""
    matrices = make_matrices(lakehouse)
    for table in _MATRICES:
        metadata = table_metadata(lakehouse, table.key)
        if table.key in matrices:
            metadata |= _matrix_metadata(lakehouse, table, matrices[table.key])
        yield dg.MaterializeResult(
            asset_key=table.path,
            metadata=metadata,
            data_version=data_version(lakehouse, table.key),
        )


def _matrix_metadata(lakehouse: Lakehouse, table: Table, matrix: Matrix) -> dict[str, Any]:
    """Return shape and density, and pictures of the long tail and of a corner."""
    from amazon_reviews.serving.charts import recommender as charts
    from amazon_reviews.serving.charts.style import pictures

    figures: dict[str, Any] = {
        "rows": matrix.rows,
        "columns": matrix.columns,
        "stored_values": matrix.stored,
        "density": rounded(matrix.density),
    }
    if not matrix.stored:
        return figures
    names = table.names[:2]
    stored = lakehouse.delta(table.key).to_pyarrow_table(columns=names)
    rows, columns = (stored[name].to_numpy() for name in names)
    tail = charts.long_tail(np.bincount(columns), f"Values of each {names[1]}")
    corner = charts.corner(rows, columns, f"{names[0]} × {names[1]}, the fullest corner")
    drawn = pictures({"long_tail": tail, "corner": corner})
    return {**figures, **{name: picture(png) for name, png in drawn.items()}}


@table_asset(tables.RECOMMENDER_EVALUATION)
def gold_recommender_evaluation(
    config: EvaluationConfig, lakehouse: dg.ResourceParam[Lakehouse]
) -> dg.MaterializeResult:
    """Evaluate every method on the same users."""
    if unknown := sorted({*config.splits} - {*SPLITS}):
        raise dg.Failure(f"splits: {unknown[0]!r} is not a split; use {', '.join(SPLITS)}")
    splits = cast(list[SplitName], config.splits)
    evaluation = evaluate_methods(lakehouse, splits, config.most_users)
    metadata = table_metadata(lakehouse, tables.RECOMMENDER_EVALUATION.key)
    return dg.MaterializeResult(metadata={**metadata, **_evaluation_metadata(evaluation)})


def _evaluation_metadata(evaluation: Evaluated) -> dict[str, Any]:
    """Return a table of all methods for each split, or the reason why a split is missing."""
    from amazon_reviews.serving.report.recommender import methods_tables

    by_split = methods_tables(evaluation.rows).items()
    return {
        **{f"methods_{split}": rows_metadata(*table) for split, table in by_split},
        **{f"not_split_{name}": why for name, why in evaluation.not_split.items()},
    }


@dg.multi_asset(
    specs=[artifact_spec(model, skippable=True) for model in RECOMMENDER_MODELS.values()],
    can_subset=True,
    pool="recommender_models",
)
def recommender_models(
    context: dg.AssetExecutionContext,
    lakehouse: dg.ResourceParam[Lakehouse],
    model_store: dg.ResourceParam[ModelStore],
) -> Iterator[dg.MaterializeResult]:
    """Train the selected methods on all ratings; each model becomes the current one."""
    store = model_store
    by_method = {name: record_of(model, lakehouse) for name, model in RECOMMENDER_MODELS.items()}
    interactions = read_interactions(lakehouse)
    for method in METHOD_NAMES:
        key = dg.AssetKey(["model", f"recommender_{method}"])
        if key not in context.selected_asset_keys:
            continue
        try:
            trained = train(lakehouse, store, method, interactions)
            metadata = model_metadata(trained)
            for name, value in trained.metrics.items():
                if name.endswith("_at_10"):
                    metadata[name] = rounded(value)
        except UnknownItemsError as error:
            context.log.warning(f"{method} was not trained: {error}")
            metadata = {"not_trained": str(error)}
        store.record(recommender_name(method), by_method[method])
        advance(method)
        version = model_data_version(store, key.to_user_string())
        yield dg.MaterializeResult(asset_key=key, metadata=metadata, data_version=version)


@table_asset(tables.RECOMMENDER_TOP)
def gold_recommender_top(
    context: dg.AssetExecutionContext,
    lakehouse: dg.ResourceParam[Lakehouse],
    model_store: dg.ResourceParam[ModelStore],
) -> dg.MaterializeResult:
    """Build the recommendations of the hybrid for every user."""
    inputs = {_SERVED: version_of_model(model_store, _SERVED)}
    model = _served(context, model_store)
    by_bucket = make_top(lakehouse, model, inputs) if model else {}
    rows = [(bucket, n.queries, n.cold, n.rows) for bucket, n in by_bucket.items()]
    header = ("bucket", "users", "cold", "rows")
    lakehouse.record(tables.RECOMMENDER_TOP.key, {WHOLE: inputs})
    return _recommendations_result(
        lakehouse, tables.RECOMMENDER_TOP, rows_metadata(header, rows), model
    )


@table_asset(tables.RECOMMENDER_SIMILAR)
def gold_recommender_similar(
    context: dg.AssetExecutionContext,
    lakehouse: dg.ResourceParam[Lakehouse],
    model_store: dg.ResourceParam[ModelStore],
) -> dg.MaterializeResult:
    """Build the similar products of every product, by the hybrid."""
    inputs = {_SERVED: version_of_model(model_store, _SERVED)}
    model = _served(context, model_store)
    rows = []
    if model:
        counts = make_similar(lakehouse, model, inputs)
        rows = [(counts.queries, counts.cold, counts.rows)]
    lakehouse.record(tables.RECOMMENDER_SIMILAR.key, {WHOLE: inputs})
    counts_table = rows_metadata(("products", "cold", "rows"), rows)
    return _recommendations_result(lakehouse, tables.RECOMMENDER_SIMILAR, counts_table, model)


def _served(context: dg.AssetExecutionContext, model_store: ModelStore) -> RecommenderModel | None:
    """Return the current model; None, with the reason in the log, if it cannot be read."""
    try:
        model = current_model(model_store, recommender_name(SERVED))
    except ModelFileError as error:
        context.log.error(f"the current recommender cannot be read: {error}")
        return None
    if model is None:
        context.log.warning(_NO_MODEL)
    return model


def _recommendations_result(
    lakehouse: Lakehouse,
    table: Table,
    counts: dg.MarkdownMetadataValue,
    model: RecommenderModel | None,
) -> dg.MaterializeResult:
    if model is None:
        lakehouse.ensure(table.key)
        return dg.MaterializeResult(metadata={"not_built": _NO_MODEL})

    metadata = {
        **table_metadata(lakehouse, table.key),
        "method": model.method,
        "model_version": model_version(model),
        "counts": counts,
    }
    return dg.MaterializeResult(metadata=metadata)
