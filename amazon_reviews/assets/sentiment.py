"""The sentiment model as an asset: a file that a better one never leaves for a worse one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from amazon_reviews.assets.common import OWNERS
from amazon_reviews.automation.conditions import FOLLOW_DAILY
from amazon_reviews.resources.lakehouse import Lakehouse

if TYPE_CHECKING:
    from amazon_reviews.pipeline.sentiment import Trained

_KEY = ["model", "sentiment"]


def sentiment_asset(path: Path) -> dg.AssetsDefinition:
    """The sentiment model at `path`."""

    @dg.asset(
        key=_KEY,
        deps=[["gold", "reviews"]],
        check_specs=[
            dg.AssetCheckSpec(
                "not_worse",
                asset=_KEY,
                blocking=True,
                description="on held-out users it is no worse than the model before, or that stays",
            )
        ],
        group_name="sentiment",
        kinds={"scikit-learn"},
        owners=OWNERS,
        code_version="1",
        automation_condition=FOLLOW_DAILY,
        pool="model_sentiment",
    )
    def model_sentiment(
        context: dg.AssetExecutionContext, lakehouse: Lakehouse
    ) -> dg.MaterializeResult:
        """One file: what words and pairs of words say about the stars of a review.

        It replaces the model before unless it is worse on the held-out users, and there is none
        where reviews are too few to learn from.
        """
        from amazon_reviews.pipeline.sentiment import TooFewReviewsError, train

        try:
            trained = train(lakehouse, path)
        except TooFewReviewsError as error:
            context.log.warning(f"no model was trained: {error}")
            return _result({"not_trained": str(error)}, True, f"no model was trained: {error}")
        size = path.stat().st_size
        metadata = {**_metadata(trained), "path": dg.MetadataValue.path(str(path)), "bytes": size}
        return _result(metadata, trained.in_use, _said(trained))

    return model_sentiment


def _result(metadata: dict[str, Any], passed: bool, said: str) -> dg.MaterializeResult:
    check = dg.AssetCheckResult(check_name="not_worse", passed=passed, description=said)
    return dg.MaterializeResult(metadata=metadata, check_results=[check])


def _metadata(trained: "Trained") -> dict[str, Any]:
    from dataclasses import asdict

    from amazon_reviews.pipeline.sentiment import SEED, TEST_SHARE

    figures = asdict(trained.metrics)
    return {
        "model_version": trained.model_version,
        "in_use": trained.in_use,
        "gold_reviews_version": trained.delta_version,
        "seed": SEED,
        "test_share_of_users": TEST_SHARE,
        "rows": trained.rows,
        "held_out_rows": figures.pop("rows"),
        **{name: value for name, value in figures.items() if value is not None},
        "strongest_words": dg.MetadataValue.md(_strongest(trained)),
    }


def _said(trained: "Trained") -> str:
    if trained.comparison is None:
        return "there was no model before"
    new, old, not_worse = trained.comparison
    outcome = "" if not_worse else "; the model before stays"
    return f"log loss {new:.5f} on held-out users, the model before has {old:.5f}{outcome}"


def _strongest(trained: "Trained") -> str:
    rows = (
        f"| {found.label} | {found.words.replace('|', ' ')} | {found.weight:.2f} | {found.count} |"
        for found in trained.strongest
    )
    return "\n".join(("| class | words | weight | places |", "| --- | --- | --- | --- |", *rows))
