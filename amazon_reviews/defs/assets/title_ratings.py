"""The ratings of titles: evaluation of the predictors, and the model."""

from typing import Any

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.metadata import (
    model_data_version,
    model_metadata,
    rounded,
    rows_metadata,
    table_metadata,
)
from amazon_reviews.defs.assets.spec import artifact_spec, table_asset
from amazon_reviews.errors import NoRatingsError
from amazon_reviews.models.loading import TITLE_RATINGS
from amazon_reviews.pipeline.artifacts import MODEL_TITLE_RATINGS
from amazon_reviews.pipeline.title_ratings import evaluate, train
from amazon_reviews.pipeline.versions import record_of
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.titles import GOLD_TITLE_RATINGS_MODEL

_COLUMNS = ("measured", "share", "predictor", "factors", "regularization", "rmse", "mae", "chosen")


class EvaluationConfig(dg.Config):
    """Options of the evaluation."""

    most_ratings: int = Field(
        default=1_000_000,
        gt=0,
        description="ratings at most: all those of randomly sampled users",
    )


@table_asset(GOLD_TITLE_RATINGS_MODEL)
def gold_title_ratings_model(
    context: dg.AssetExecutionContext,
    config: EvaluationConfig,
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """Evaluate the predictors of ratings."""
    inputs = lakehouse.input_versions(GOLD_TITLE_RATINGS_MODEL.key)
    try:
        table = evaluate(lakehouse, config.most_ratings)
    except NoRatingsError as error:
        context.log.warning(str(error))
        lakehouse.record(GOLD_TITLE_RATINGS_MODEL.key, {WHOLE: inputs})
        return dg.MaterializeResult(metadata={"not_evaluated": str(error)})
    errors = rows_metadata(_COLUMNS, map(_formatted, table.to_pylist()))
    metadata = table_metadata(lakehouse, GOLD_TITLE_RATINGS_MODEL.key)
    return dg.MaterializeResult(metadata={**metadata, "errors": errors})


def _formatted(row: dict[str, Any]) -> list[Any]:
    figures = {name: f"{row[name]:.4f}" for name in ("rmse", "mae")}
    return [{**row, **figures, "share": f"{row['share']:.0%}"}[name] for name in _COLUMNS]


@dg.multi_asset(
    specs=[artifact_spec(MODEL_TITLE_RATINGS)],
    name="model__title_ratings",
    pool="model_title_ratings",
)
def model_title_ratings(
    context: dg.AssetExecutionContext,
    lakehouse: dg.ResourceParam[Lakehouse],
    model_store: dg.ResourceParam[ModelStore],
) -> dg.MaterializeResult:
    """Train the best predictor on all ratings."""
    built = record_of(MODEL_TITLE_RATINGS, lakehouse)
    try:
        trained = train(lakehouse, model_store)
    except NoRatingsError as error:
        context.log.warning(str(error))
        metadata: dict[str, Any] = {"not_trained": str(error)}
    else:
        metadata = {
            **model_metadata(trained),
            **{name: rounded(value) for name, value in trained.metrics.items()},
        }
    model_store.record(TITLE_RATINGS, built)
    version = model_data_version(model_store, MODEL_TITLE_RATINGS.key)
    return dg.MaterializeResult(metadata=metadata, data_version=version)
