"""What must hold of new reviews for the models to be trusted."""

import dagster as dg

from amazon_reviews.defs.automation_conditions import FOLLOW_CHECKED
from amazon_reviews.markdown import markdown
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore


@dg.asset_check(
    asset=["gold", "sentiment_predictions"],
    description="the model finds the stream's texts as positive as those it was trained on",
    automation_condition=FOLLOW_CHECKED,
)
def drift(
    lakehouse: dg.ResourceParam[Lakehouse], model_store: dg.ResourceParam[ModelStore]
) -> dg.AssetCheckResult:
    """The population stability index of the stream against training is within the bound."""
    from amazon_reviews.errors import ModelFileError
    from amazon_reviews.pipeline.sentiment.drift import FEWEST_REVIEWS, MOST
    from amazon_reviews.pipeline.sentiment.drift import drift as measured
    from amazon_reviews.pipeline.sentiment.train import model_in_use

    try:
        model = model_in_use(model_store)
    except (ModelFileError, OSError) as error:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"the sentiment model in use cannot be read: {error}",
        )
    if model is None:
        return dg.AssetCheckResult(passed=True, description="there is no sentiment model yet")
    found = measured(lakehouse, model)
    bands = [
        (f"{k / len(found.stream):.0%} to {(k + 1) / len(found.stream):.0%}", *shares)
        for k, shares in enumerate(zip(found.training, found.stream, strict=True))
    ]
    said = (
        f"{found.reviews:,} streamed reviews; it takes {FEWEST_REVIEWS}"
        if found.index is None
        else f"population stability index {found.index:.3f}, at most {MOST}"
    )
    header = ("probability of positive", "training", "stream")
    return dg.AssetCheckResult(
        passed=found.index is None or found.index <= MOST,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={
            "reviews": found.reviews,
            "bands": dg.MetadataValue.md(markdown(header, bands)),
            **({} if found.index is None else {"index": found.index}),
        },
    )
