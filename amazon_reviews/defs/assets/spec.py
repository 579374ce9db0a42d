"""Assets from the declarations of the tables: everything but the function that builds them."""

import inspect
from collections.abc import Callable, Iterable, Sequence

import dagster as dg

from amazon_reviews.defs.partitions import PARTITIONS
from amazon_reviews.schemas import TABLES, Table

OWNERS = ["team:data"]


def table_spec(
    table: Table,
    condition: dg.AutomationCondition | None = None,
    *,
    transform: Callable[..., object] | None = None,
    skippable: bool = False,
) -> dg.AssetSpec:
    """Return the asset of a Delta table.

    Its description is the table's own, and what the docstring of its `transform` adds to the
    summary. A `skippable` one may be left out of a run that builds several tables.
    """
    _, _, more = (inspect.getdoc(transform) or "").partition("\n\n")
    return dg.AssetSpec(
        table.path,
        deps=[_dependency(table, key) for key in table.inputs],
        description="\n\n".join(filter(None, (table.grain, table.details, more))),
        metadata={"dagster/column_schema": column_schema(table)},
        group_name=table.group or table.layer,
        kinds={"delta"},
        owners=OWNERS,
        code_version=table.code_version,
        automation_condition=condition,
        skippable=skippable,
        partitions_def=PARTITIONS[table.partitions] if table.partitions else None,
    )


def table_asset(
    table: Table,
    condition: dg.AutomationCondition | None = None,
    *,
    checks: Sequence[dg.AssetCheckSpec] = (),
    freshness: dg.FreshnessPolicy | None = None,
) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
    """Declare the decorated function as the asset that builds one table.

    It has a pool of its own, as a table has one writer at a time. A run takes all of its partitions
    at once.
    """
    spec = table_spec(table, condition)
    return dg.asset(
        key=spec.key,
        deps=spec.deps,
        description=spec.description,
        metadata=spec.metadata,
        group_name=spec.group_name,
        kinds=spec.kinds,
        owners=spec.owners,
        code_version=spec.code_version,
        automation_condition=spec.automation_condition,
        partitions_def=spec.partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run() if table.partitions else None,
        check_specs=checks,
        freshness_policy=freshness,
        pool="_".join(table.path),
    )


def file_spec(
    key: Sequence[str],
    *,
    inputs: Iterable[str],
    group: str,
    kinds: set[str],
    condition: dg.AutomationCondition,
    description: str,
    code_version: str = "1",
    skippable: bool = False,
) -> dg.AssetSpec:
    """Return an asset that is not a table: a model, a report or an exported file."""
    return dg.AssetSpec(
        key,
        deps=[name.split("/") for name in inputs],
        description=description,
        group_name=group,
        kinds=kinds,
        owners=OWNERS,
        code_version=code_version,
        automation_condition=condition,
        skippable=skippable,
    )


def column_schema(table: Table) -> dg.TableSchema:
    """Return the columns of a table, with types and descriptions, as the Dagster UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, str(column.type), column.description)
            for column in table.columns
        ]
    )


def _dependency(table: Table, key: str) -> dg.AssetDep:
    above = TABLES.get(key)
    if table.partitions and above and above.partitions:
        # Partitions of one name belong together, also where one table has more than the other.
        return dg.AssetDep(key.split("/"), partition_mapping=dg.IdentityPartitionMapping())
    return dg.AssetDep(key.split("/"))
