"""The sentiment model: what it learns from, and the model itself."""

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.common import OWNERS, asset_options
from amazon_reviews.defs.assets.metadata import table_metadata
from amazon_reviews.defs.automation_conditions import FOLLOW_DAILY, FOLLOW_TABLES
from amazon_reviews.markdown import markdown
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.schemas import sentiment as tables

if TYPE_CHECKING:
    from amazon_reviews.pipeline.sentiment.train import Trained

_GROUP = "sentiment"
_MODEL = ["model", "sentiment"]


class TrainingConfig(dg.Config):
    """How the model is trained."""

    balance: str = Field(
        default="weights",
        description="weights: every class weighs the same; undersampling: of each class as many "
        "reviews as the smallest has; none: as they are",
    )


def examples_asset(most: int) -> dg.AssetsDefinition:
    """The table of examples, of about `most` reviews at most."""

    @dg.asset(
        **asset_options(tables.SENTIMENT_EXAMPLES.key, "1", partitioned=False, group=_GROUP),
        deps=[["gold", "reviews"]],
        automation_condition=FOLLOW_DAILY,
    )
    def gold_sentiment_examples(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
        """One row per rated review that the model learns from or is measured on.

        Where there are too many reviews it is those of some of the users, always the same ones; a
        fifth of the users is held out.
        """
        from amazon_reviews.pipeline.sentiment.example_table import SEED, TEST_SHARE, make_examples

        chosen = make_examples(lakehouse, most)
        return dg.MaterializeResult(
            metadata={
                **table_metadata(lakehouse, tables.SENTIMENT_EXAMPLES.key),
                "gold_reviews_version": chosen.delta_version,
                "share_of_users": chosen.share_of_users,
                "held_out_share_of_users": TEST_SHARE,
                "seed": SEED,
            }
        )

    return gold_sentiment_examples


@dg.asset(
    key=_MODEL,
    deps=[tables.SENTIMENT_EXAMPLES.key.split("/")],
    check_specs=[
        dg.AssetCheckSpec(
            "not_worse",
            asset=_MODEL,
            blocking=True,
            description="on held-out users it is no worse than the model in use, or that stays",
        )
    ],
    group_name=_GROUP,
    kinds={"scikit-learn", "mlflow"},
    owners=OWNERS,
    code_version="2",
    automation_condition=FOLLOW_TABLES,
    pool="model_sentiment",
)
def model_sentiment(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    lakehouse: dg.ResourceParam[Lakehouse],
    model_store: dg.ResourceParam[ModelStore],
) -> dg.MaterializeResult:
    """One model: what words and pairs of words say about the stars of a review.

    It is registered in the model store, and takes the place of the one in use where it is better
    on the held-out users. There is none where reviews are too few to learn from.
    """
    from amazon_reviews.errors import TooFewReviewsError
    from amazon_reviews.pipeline.sentiment.train import train

    try:
        trained = train(lakehouse, model_store, config.balance)
    except TooFewReviewsError as error:
        context.log.warning(f"no model was trained: {error}")
        return _result({"not_trained": str(error)}, True, f"no model was trained: {error}")
    not_worse = trained.comparison is None or trained.comparison.not_worse
    return _result(_metadata(trained), not_worse, _said(trained))


def _result(metadata: dict[str, Any], passed: bool, said: str) -> dg.MaterializeResult:
    check = dg.AssetCheckResult(check_name="not_worse", passed=passed, description=said)
    return dg.MaterializeResult(metadata=metadata, check_results=[check])


def _metadata(trained: "Trained") -> dict[str, Any]:
    from dataclasses import asdict

    figures = asdict(trained.metrics)
    header = ("class", "words", "weight", "places")
    strongest = [(word.label, word.words, word.weight, word.count) for word in trained.strongest]
    return {
        "model_version": trained.model_version,
        "store_version": trained.stored.version,
        "in_use": trained.in_use,
        "bytes": trained.stored.path.stat().st_size,
        "rows": trained.rows,
        "held_out_rows": figures.pop("rows"),
        **{name: value for name, value in figures.items() if value is not None},
        "parameters": dg.MetadataValue.json(dict(trained.parameters)),
        "strongest_words": dg.MetadataValue.md(markdown(header, strongest)),
    }


def _said(trained: "Trained") -> str:
    if trained.comparison is None:
        return "there was no model before"
    found = trained.comparison
    if trained.in_use and not found.better:
        return "it is the very model that is in use"
    figures = f"log loss {found.new:.5f} on held-out users, the model in use has {found.old:.5f}"
    return f"{figures}; {'it takes its place' if found.better else 'that one stays'}"
