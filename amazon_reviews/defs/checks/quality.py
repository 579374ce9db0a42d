"""What must hold in the gold tables, whoever wrote them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from amazon_reviews.defs.automation_conditions import FOLLOW_CHECKED
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas import TABLES
from amazon_reviews.transforms.title_ratings import HIGHEST, LOWEST

MISSING_PRODUCTS_BOUND = 0.25
REJECTED_BOUND = 0.02

_REVIEWS = ["gold", "reviews"]
_PRODUCTS = ["gold", "products"]
_TITLES = ["gold", "titles"]


def _spec(name: str, asset: list[str], description: str, blocking: bool = True) -> Any:
    return dg.AssetCheckSpec(
        name,
        asset=asset,
        blocking=blocking,
        description=description,
        automation_condition=FOLLOW_CHECKED,
    )


def _wanted(context: dg.AssetCheckExecutionContext) -> set[str]:
    return {key.name for key in context.op_execution_context.selected_asset_check_keys}


@dg.multi_asset_check(
    specs=[
        _spec("unique", _REVIEWS, "every review_id once"),
        _spec("ranges", _REVIEWS, "stars 1 to 5 or unrated, lengths and votes not negative"),
        _spec("schema", _REVIEWS, "columns and types as documented"),
        _spec(
            "product_found",
            _REVIEWS,
            f"at most {MISSING_PRODUCTS_BOUND:.0%} of the reviews have no product",
            blocking=False,
        ),
    ],
    name="gold_reviews_checks",
    can_subset=True,
)
def check_reviews(
    context: dg.AssetCheckExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.AssetCheckResult]:
    """The checks of gold/reviews."""
    frame = lakehouse.read(engine.session, "gold/reviews")
    wanted = _wanted(context)
    yield from _unique_and_schema(lakehouse, frame, "gold/reviews", "review_id", wanted)
    if not {"ranges", "product_found"} & wanted:
        return
    facts = frame.agg(*review_facts()).collect()[0].asDict()
    if "ranges" in wanted:
        yield _none("ranges", _REVIEWS, "rows", facts["out_of_range"])
    if "product_found" in wanted:
        share = facts["without_product"] / max(facts["rows"], 1)
        yield dg.AssetCheckResult(
            check_name="product_found",
            asset_key=_REVIEWS,
            passed=share <= MISSING_PRODUCTS_BOUND,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"share_without_product": share, "reviews": facts["rows"]},
        )


@dg.multi_asset_check(
    specs=[
        _spec("unique", _PRODUCTS, "every asin once"),
        _spec("ranges", _PRODUCTS, "prices not negative and in order"),
        _spec("schema", _PRODUCTS, "columns and types as documented"),
    ],
    name="gold_products_checks",
    can_subset=True,
)
def check_products(
    context: dg.AssetCheckExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.AssetCheckResult]:
    """The checks of gold/products."""
    frame = lakehouse.read(engine.session, "gold/products")
    wanted = _wanted(context)
    yield from _unique_and_schema(lakehouse, frame, "gold/products", "asin", wanted)
    if "ranges" in wanted:
        wrong = ~F.col("price_min").between(0, F.col("price_max")) | (F.col("price") < 0)
        facts = frame.agg(F.count(F.when(wrong, 1)).alias("out_of_range")).collect()[0]
        yield _none("ranges", _PRODUCTS, "rows", facts["out_of_range"])


@dg.multi_asset_check(
    specs=[
        _spec("unique", _TITLES, "every id once"),
        _spec("ranges", _TITLES, f"mean ratings {LOWEST} to {HIGHEST} where there are ratings"),
        _spec("schema", _TITLES, "columns and types as documented"),
    ],
    name="gold_titles_checks",
    can_subset=True,
)
def check_titles(
    context: dg.AssetCheckExecutionContext,
    engine: dg.ResourceParam[SparkEngine],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.AssetCheckResult]:
    """The checks of gold/titles."""
    frame = lakehouse.read(engine.session, "gold/titles")
    wanted = _wanted(context)
    yield from _unique_and_schema(lakehouse, frame, "gold/titles", "id", wanted)
    if "ranges" in wanted:
        rated = F.coalesce(F.col("mean_rating").between(LOWEST, HIGHEST), F.lit(False))
        counts = F.when(F.col("ratings") > 0, rated).otherwise(
            (F.col("ratings") == 0) & F.col("mean_rating").isNull()
        )
        wrong = ~F.coalesce(counts, F.lit(False))
        facts = frame.agg(F.count(F.when(wrong, 1)).alias("out_of_range")).collect()[0]
        yield _none("ranges", _TITLES, "rows", facts["out_of_range"])


@dg.asset_check(
    asset=["silver", "rejected"],
    description="few lines are refused",
    automation_condition=FOLLOW_CHECKED,
)
def rejected_share(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.AssetCheckResult:
    """At most `REJECTED_BOUND` of all lines are refused."""
    from amazon_reviews.pipeline.reconciliation import all_accounts

    silver = [account for account in all_accounts(lakehouse) if account.layer == "silver"]
    lines = sum(account.lines for account in silver)
    refused = sum(account.rejected for account in silver)
    return dg.AssetCheckResult(
        passed=refused <= REJECTED_BOUND * lines,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"lines": lines, "rejected": refused, "share": refused / max(lines, 1)},
    )


def _unique_and_schema(
    lakehouse: Lakehouse, frame: DataFrame, key: str, column: str, wanted: set[str]
) -> Iterator[dg.AssetCheckResult]:
    if "unique" in wanted:
        yield _none("unique", key.split("/"), column, repeated(frame, column))
    if "schema" in wanted:
        yield schema_check(lakehouse, key)


def repeated(frame: DataFrame, column: str) -> int:
    """How many values of `column` occur more than once."""
    groups = frame.groupBy(column).agg(F.count(F.lit(1)).alias("times"))
    return groups.where(F.col("times") > 1).count()


def review_facts() -> list[Any]:
    """Aggregates over gold/reviews: rows, rows out of range, rows without product."""
    stars = F.coalesce(F.col("overall").between(1, 5), F.col("unrated"), F.lit(False))
    negative = (F.col("vote") < 0) | (F.col("word_count") < 0) | (F.col("image_count") < 0)
    return [
        F.count(F.lit(1)).alias("rows"),
        F.count(F.when(~stars | negative, 1)).alias("out_of_range"),
        F.count(F.when(F.col("title").isNull(), 1)).alias("without_product"),
    ]


def schema_check(lakehouse: Lakehouse, key: str) -> dg.AssetCheckResult:
    """Whether the table in the lakehouse has the documented columns and types."""
    import pyarrow as pa

    expected = {column.name: str(column.type) for column in TABLES[key].columns}
    stored = pa.schema(lakehouse.delta(key).schema().to_arrow())
    actual = {field.name: str(field.type) for field in stored}
    off = sorted(
        name for name in {*expected, *actual} if not _alike(expected.get(name), actual.get(name))
    )
    return dg.AssetCheckResult(
        check_name="schema",
        asset_key=key.split("/"),
        passed=not off,
        description=f"not as documented: {', '.join(off)}" if off else None,
    )


def _alike(expected: str | None, actual: str | None) -> bool:
    def plain(name: str | None) -> str | None:
        return name and name.replace("element", "item").replace("key_value", "entries")

    return plain(expected) == plain(actual)


def _none(name: str, asset: list[str], what: str, count: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset,
        passed=count == 0,
        description=f"{count} {what} break this" if count else None,
        metadata={"broken": count},
    )
