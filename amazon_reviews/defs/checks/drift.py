"""The check that streamed reviews resemble the training data of the sentiment model."""

import dagster as dg

from amazon_reviews.defs.assets.metadata import rounded, rows_metadata
from amazon_reviews.errors import ModelFileError
from amazon_reviews.models.loading import SENTIMENT, current_model
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.shown_text import markdown_text


@dg.asset_check(
    asset=["gold", "sentiment_predictions"],
    description="predictions of streamed reviews are distributed like those of the training data",
    config_schema={},
)
def drift(
    lakehouse: dg.ResourceParam[Lakehouse], model_store: dg.ResourceParam[ModelStore]
) -> dg.AssetCheckResult:
    """Compare the population stability index of the stream with the bound."""
    from amazon_reviews.pipeline.sentiment.drift import FEWEST_REVIEWS, MOST
    from amazon_reviews.pipeline.sentiment.drift import drift as measured

    try:
        model = current_model(model_store, SENTIMENT)
    except ModelFileError as error:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=markdown_text(f"the current sentiment model cannot be read: {error}"),
        )
    if model is None:
        return dg.AssetCheckResult(passed=True, description="no sentiment model yet")
    comparison = measured(lakehouse, model)
    bands = [
        (f"{k / len(comparison.stream):.0%} to {(k + 1) / len(comparison.stream):.0%}", *shares)
        for k, shares in enumerate(zip(comparison.training, comparison.stream, strict=True))
    ]
    description = (
        f"{comparison.reviews:,} streamed reviews; at least {FEWEST_REVIEWS}"
        if comparison.index is None
        else f"population stability index {comparison.index:.3f}, at most {MOST}"
    )
    header = ("probability of positive", "training", "stream")
    return dg.AssetCheckResult(
        passed=comparison.index is None or comparison.index <= MOST,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "reviews": comparison.reviews,
            "bands": rows_metadata(header, bands),
            **({} if comparison.index is None else {"index": rounded(comparison.index)}),
        },
    )
