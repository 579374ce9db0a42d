"""The sentiment model: its examples, and the model itself."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.metadata import (
    model_data_version,
    rounded,
    rows_metadata,
    stored_model_metadata,
    table_metadata,
)
from amazon_reviews.defs.assets.spec import artifact_spec, table_asset
from amazon_reviews.errors import TooFewReviewsError
from amazon_reviews.models.loading import SENTIMENT
from amazon_reviews.pipeline.artifacts import MODEL_SENTIMENT
from amazon_reviews.pipeline.versions import record_of
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.schemas import sentiment as tables
from amazon_reviews.shown_text import markdown_text

if TYPE_CHECKING:
    from amazon_reviews.pipeline.sentiment.train import Trained

_MODEL = MODEL_SENTIMENT.key.split("/")


class TrainingConfig(dg.Config):
    """Options of the training."""

    balance: Literal["weights", "undersampling", "none"] = Field(
        default="weights",
        description="weights: every class weighs the same; undersampling: as many reviews of each "
        "class as the smallest has; none: all reviews, unweighted",
    )


def examples_asset(most: int) -> dg.AssetsDefinition:
    """Return the table of examples, of about `most` reviews at most."""

    @table_asset(tables.SENTIMENT_EXAMPLES)
    def gold_sentiment_examples(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
        """Choose the reviews that train and evaluate the model."""
        from amazon_reviews.pipeline.sentiment.example_table import SEED, TEST_SHARE, make_examples

        sample = make_examples(lakehouse, most)
        return dg.MaterializeResult(
            metadata={
                **table_metadata(lakehouse, tables.SENTIMENT_EXAMPLES.key),
                "gold_reviews_version": sample.delta_version,
                "share_of_users": rounded(sample.share_of_users),
                "held_out_share_of_users": TEST_SHARE,
                "seed": SEED,
            }
        )

    return gold_sentiment_examples


@dg.multi_asset(
    specs=[artifact_spec(MODEL_SENTIMENT)],
    check_specs=[
        dg.AssetCheckSpec(
            "not_worse",
            asset=_MODEL,
            blocking=True,
            description="on held-out users it is not worse than the current model, which stays "
            "otherwise",
        )
    ],
    name="model__sentiment",
    pool="model_sentiment",
)
def model_sentiment(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    lakehouse: dg.ResourceParam[Lakehouse],
    model_store: dg.ResourceParam[ModelStore],
) -> dg.MaterializeResult:
    """Train the model, and make it the current one if it is better."""
    from amazon_reviews.pipeline.sentiment.train import train

    built = record_of(MODEL_SENTIMENT, lakehouse)
    try:
        trained = train(lakehouse, model_store, config.balance)
    except TooFewReviewsError as error:
        context.log.warning(f"no model was trained: {error}")
        model_store.record(SENTIMENT, replace(built, checks={"not_worse": True}))
        result = _result({"not_trained": str(error)}, True, f"no model was trained: {error}")
    else:
        not_worse = trained.comparison is None or trained.comparison.not_worse
        model_store.record(SENTIMENT, replace(built, checks={"not_worse": not_worse}))
        result = _result(_metadata(trained), not_worse, _verdict(trained))
    return result._replace(data_version=model_data_version(model_store, MODEL_SENTIMENT.key))


def _result(metadata: dict[str, Any], passed: bool, description: str) -> dg.MaterializeResult:
    check = dg.AssetCheckResult(
        check_name="not_worse", passed=passed, description=markdown_text(description)
    )
    return dg.MaterializeResult(metadata=metadata, check_results=[check])


def _metadata(trained: "Trained") -> dict[str, Any]:
    figures = asdict(trained.metrics)
    header = ("class", "words", "weight", "places")
    strongest = [(word.label, word.words, word.weight, word.count) for word in trained.strongest]
    return {
        "model_version": trained.model_version,
        "is_current": trained.is_current,
        **stored_model_metadata(trained.stored),
        "rows": trained.rows,
        "held_out_rows": figures.pop("rows"),
        **{name: rounded(value) for name, value in figures.items() if value is not None},
        "parameters": dg.MetadataValue.json(dict(trained.parameters)),
        "strongest_words": rows_metadata(header, strongest),
    }


def _verdict(trained: "Trained") -> str:
    if trained.comparison is None:
        return "it is the first model"
    comparison = trained.comparison
    if trained.is_current and not comparison.better:
        return "it equals the current model"
    figures = (
        f"log loss {comparison.new:.5f} on held-out users, "
        f"the current model has {comparison.old:.5f}"
    )
    outcome = "it replaces the current model" if comparison.better else "the current model stays"
    return f"{figures}; {outcome}"
