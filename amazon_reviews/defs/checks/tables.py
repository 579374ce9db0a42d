"""The checks that follow from the declaration of a table, and the share of rejected lines."""

from collections.abc import Collection, Iterator, Sequence

import dagster as dg
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.defs.assets.metadata import rounded
from amazon_reviews.pipeline.partials import Source, source_of
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.planner.verdicts import unrun_check
from amazon_reviews.resources.lakehouse.log import check_id
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas import TABLES, Rule, Table
from amazon_reviews.schemas.built import WHOLE, Records
from amazon_reviews.shown_text import markdown_text

_MOST_NAMED = 5


def table_checks(table: Table) -> dg.AssetChecksDefinition:
    """Return the checks of a table with a unique key: unique, schema, and its rules.

    In a table with partitions, blocking checks judge the rows of those that changed since they
    passed; their keys are compared with all others.
    """
    specs = [
        _spec(table, "unique", f"every {', '.join(table.unique_key)} once"),
        _spec(table, "schema", "columns and types as documented"),
        *(
            _spec(table, rule.name, rule.description, blocking=not rule.tolerance)
            for rule in table.rules
        ),
    ]

    @dg.multi_asset_check(specs=specs, name=f"{'_'.join(table.path)}_checks", can_subset=True)
    def checks(
        context: dg.AssetCheckExecutionContext,
        engine: dg.ResourceParam[SparkEngine],
        lakehouse: dg.ResourceParam[Lakehouse],
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.op_execution_context.selected_asset_check_keys}
        yield from judge(engine.session, lakehouse, table, selected)

    return checks


def judge(
    spark: SparkSession, lakehouse: Lakehouse, table: Table, selected: Collection[str]
) -> list[dg.AssetCheckResult]:
    """Return the results of the selected `table_checks`, and record the verdicts."""
    judged = lakehouse.versions(table.key).get(WHOLE, 0)
    source = source_of(lakehouse, table.key) if table.partitions else None
    version = source.version if source else None
    frame = lakehouse.read(spark, table.key, version=version)
    new, passed_before = frame, None
    changed = _changed_partitions(lakehouse, table, source) if source else []
    if source and len(changed) < len(source.rows):
        is_new = F.col("partition").isin(*changed)
        new, passed_before = frame.where(is_new), frame.where(~is_new)
    results: list[dg.AssetCheckResult] = []
    if "unique" in selected:
        results.append(unique_check(new, table, passed_before))
    if "schema" in selected:
        results.append(schema_check(lakehouse, table))
    rules = [rule for rule in table.rules if rule.name in selected]
    results += rule_checks(new, table, [rule for rule in rules if not rule.tolerance])
    # The share of the rows that break a rule needs all of them.
    results += rule_checks(frame, table, [rule for rule in rules if rule.tolerance])
    blocking = {r.check_name: r.passed for r in results if r.check_name in table.table_checks}
    if judged and judged == lakehouse.versions(table.key).get(WHOLE):
        versions = source.versions if source else {}
        before = (lakehouse.records(table.key) or Records()).checks
        passed = {
            check_id(name, check): versions[name]
            for name in versions.keys() & {*changed}
            for check in _row_checks(table)
            if blocking.get(check) and before.get(check, {}).get(name) != versions[name]
        }
        lakehouse.record(table.key, checks={WHOLE: blocking}, transaction_versions=passed)
    return results


def _row_checks(table: Table) -> list[str]:
    """Return the blocking checks that judge rows."""
    return [name for name in table.table_checks if name != "schema"]


def _changed_partitions(lakehouse: Lakehouse, table: Table, source: Source) -> list[str]:
    """Return the partitions and segments that did not pass all checks of rows as they are now.

    These are all of them if the checks judged this version of the table before: who asks for them
    again wants to know about all rows.
    """
    records, checks = lakehouse.records(table.key) or Records(), _row_checks(table)
    if not unrun_check(checks, records):
        return [*source.rows]
    judged = records.checks
    return [
        name
        for name in source.rows
        if not (version := source.versions.get(name))
        or any(judged.get(check, {}).get(name) != version for check in checks)
    ]


def _spec(table: Table, name: str, description: str, *, blocking: bool = True) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        name,
        asset=table.path,
        blocking=blocking,
        description=description,
    )


def unique_check(
    frame: DataFrame, table: Table, others: DataFrame | None = None
) -> dg.AssetCheckResult:
    """Return the check that every value of the table's unique key occurs once.

    The keys of `others` are known to be unique among themselves.
    """
    groups = frame.groupBy(*table.unique_key).agg(F.count(F.lit(1)).alias("times"))
    repeated = groups.where(F.col("times") > 1).count()
    if others is not None:
        keys = frame.select(*table.unique_key)
        repeated += others.select(*table.unique_key).join(keys, [*table.unique_key], "semi").count()
    return dg.AssetCheckResult(
        check_name="unique",
        asset_key=table.path,
        passed=repeated == 0,
        description=f"{repeated} {', '.join(table.unique_key)} occur more than once"
        if repeated
        else None,
        metadata={"broken": repeated},
    )


def schema_check(lakehouse: Lakehouse, table: Table) -> dg.AssetCheckResult:
    """Return the check that the table in the lakehouse has the documented columns and types."""
    stored = pa.schema(lakehouse.delta(table.key).schema().to_arrow())
    actual = {field.name: _type_name(field.type) for field in stored}
    expected = {column.name: _type_name(column.type) for column in table.columns}
    differing = sorted(
        name for name in {*expected, *actual} if expected.get(name) != actual.get(name)
    )
    return dg.AssetCheckResult(
        check_name="schema",
        asset_key=table.path,
        passed=not differing,
        description=markdown_text(f"not as documented: {', '.join(differing)}")
        if differing
        else None,
    )


def _type_name(kind: pa.DataType) -> str:
    # Delta and Arrow name the parts of lists and maps differently.
    return str(kind).replace("element", "item").replace("key_value", "entries")


def rule_checks(
    frame: DataFrame, table: Table, rules: Sequence[Rule]
) -> Iterator[dg.AssetCheckResult]:
    """Return the checks of rules of the table, from one pass over rows of it."""
    if not rules:
        return
    broken = [
        F.count(F.when(~F.coalesce(F.expr(rule.condition), F.lit(False)), 1)).alias(rule.name)
        for rule in rules
    ]
    counts = frame.agg(F.count(F.lit(1)).alias("rows"), *broken).collect()[0].asDict()
    for rule in rules:
        share = counts[rule.name] / max(counts["rows"], 1)
        passed = share <= rule.tolerance
        yield dg.AssetCheckResult(
            check_name=rule.name,
            asset_key=table.path,
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN if rule.tolerance else dg.AssetCheckSeverity.ERROR,
            description=None if passed else f"{counts[rule.name]} rows break this",
            metadata={"broken": counts[rule.name], "rows": counts["rows"], "share": rounded(share)},
        )


@dg.asset_check(
    asset=["silver", "rejected"],
    description="no partition has a larger share of rejected lines than "
    "AMAZON_REVIEWS_REJECTED_PERCENT",
    config_schema={},
)
def rejected_share(
    lakehouse: dg.ResourceParam[Lakehouse], rejected_percent: dg.ResourceParam[int]
) -> dg.AssetCheckResult:
    """Compare the rejected lines of each partition of silver, and of the stream, with its input."""
    silver = [account for account in reconcile_all(lakehouse) if account.layer == "silver"]
    above = sorted(
        (
            account
            for account in silver
            if 100 * account.rejected > rejected_percent * account.lines
        ),
        key=lambda account: account.rejected / account.lines,
        reverse=True,
    )
    named = ", ".join(
        f"silver/{account.table} {account.partition} ({account.rejected / account.lines:.0%})"
        for account in above[:_MOST_NAMED]
    )
    lines = sum(account.lines for account in silver)
    rejected = sum(account.rejected for account in silver)
    return dg.AssetCheckResult(
        passed=not above,
        severity=dg.AssetCheckSeverity.WARN,
        description=markdown_text(f"{len(above)} above {rejected_percent} %: {named}")
        if above
        else None,
        metadata={
            "lines": lines,
            "rejected": rejected,
            "share": rounded(rejected / max(lines, 1)),
            "partitions_above": len(above),
        },
    )


TABLE_CHECKS = [table_checks(table) for table in TABLES.values() if table.unique_key]
"""The checks of every table with a unique key."""
