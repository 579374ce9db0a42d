"""Assets from the declarations of the tables: everything but the function that builds them."""

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import Any

import dagster as dg

from amazon_reviews.defs.assets.code import reference_metadata
from amazon_reviews.defs.assets.metadata import data_version
from amazon_reviews.defs.partitions import PARTITIONS, PARTITIONS_A_RUN
from amazon_reviews.pipeline.artifacts import Artifact
from amazon_reviews.pipeline.outputs import inputs_of
from amazon_reviews.schemas import TABLES, Table
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.lineage import ColumnLineage, column_lineage
from amazon_reviews.schemas.table import Column, Domain

Events = Iterator[dg.MaterializeResult | dg.AssetCheckEvaluation | dg.Output[None]]
"""The materialization of the partitions of a run, and the check results of each."""

OWNERS = ["team:data"]
_BACKFILL_POLICY = dg.BackfillPolicy.multi_run(max_partitions_per_run=PARTITIONS_A_RUN)
# What Dagster's own dialog cannot do.
_OF_GAPS = "The job `build_partitions` builds partitions that are not consecutive in one run."
PACE_TAG = "amazon_reviews/pace"
"""The tag of assets that sensors let follow their inputs later than at once."""

PII_TAG = "pii"
"""The tag of assets and columns with personal data; that of a column is the kind of the data."""


def table_spec(
    table: Table,
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
        deps=[_dependency(table, key) for key in inputs_of(table)],
        description="\n\n".join(filter(None, (table.grain, table.details, more))),
        metadata=_columns(table) | (reference_metadata(transform) if transform else {}),
        group_name=table.group or table.layer,
        kinds={"delta"},
        owners=OWNERS,
        code_version=table.code_version,
        tags=asset_tags(table.layer, table.domain, table.pii)
        | ({} if table.pace == "at once" else {PACE_TAG: table.pace}),
        skippable=skippable,
        partitions_def=PARTITIONS[table.partitions] if table.partitions else None,
    )


def check_spec(
    table: Table, name: str, description: str, *, blocking: bool = True
) -> dg.AssetCheckSpec:
    """Return a check of a table, with a result for each of its partitions if it has some."""
    with warnings.catch_warnings():
        # A release that changes partitioned checks fails the tests of the pinned version.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name,
            asset=table.path,
            blocking=blocking,
            description=description,
            partitions_def=PARTITIONS[table.partitions] if table.partitions else None,
        )


def table_asset(
    table: Table, *, checks: Sequence[dg.AssetCheckSpec] = ()
) -> Callable[[Callable[..., dg.MaterializeResult | Events]], dg.AssetsDefinition]:
    """Declare the decorated function as the asset that builds one table.

    It has a pool of its own, as a table has one writer at a time. A run takes its partitions at
    once.
    """
    spec = table_spec(table)

    def declare(build: Callable[..., dg.MaterializeResult | Events]) -> dg.AssetsDefinition:
        # Without a schema, Dagster accepts any configuration of a step that has none.
        has_config = "config" in inspect.signature(build).parameters
        asset = dg.asset(
            key=spec.key,
            deps=spec.deps,
            description=f"{spec.description}\n\n{_OF_GAPS}"
            if table.partitions
            else spec.description,
            metadata=spec.metadata,
            group_name=spec.group_name,
            kinds=spec.kinds,
            owners=spec.owners,
            code_version=spec.code_version,
            tags=spec.tags,
            partitions_def=spec.partitions_def,
            backfill_policy=_BACKFILL_POLICY if table.partitions else None,
            check_specs=checks,
            pool="_".join(table.path),
            config_schema=None if has_config else {},
        )
        return asset(_with_data_version(build, table))

    return declare


def _with_data_version(
    build: Callable[..., dg.MaterializeResult | Events], table: Table
) -> Callable[..., Events]:
    """Return the function `build` with the table's version in its result."""

    @wraps(build)
    def versioned(*context: dg.AssetExecutionContext, **resources: Any) -> Events:
        result = build(*context, **resources)
        for event in [result] if isinstance(result, dg.MaterializeResult) else result:
            if isinstance(event, dg.MaterializeResult):
                partitions = context[0].partition_keys if table.partitions else [WHOLE]
                version = data_version(resources["lakehouse"], table.key, partitions)
                yield event._replace(data_version=version)
            else:
                yield event

    return versioned


def artifact_spec(artifact: Artifact, *, skippable: bool = False) -> dg.AssetSpec:
    """Return the asset of a model, a report or an exported file."""
    return dg.AssetSpec(
        artifact.key.split("/"),
        deps=[name.split("/") for name in artifact.inputs],
        description=artifact.description,
        group_name=artifact.group,
        kinds=set(artifact.kinds),
        owners=OWNERS,
        code_version=artifact.code_version,
        tags=asset_tags(artifact.key.partition("/")[0], artifact.domain, artifact.pii),
        skippable=skippable,
    )


def asset_tags(layer: str, domain: Domain, pii: Sequence[object]) -> dict[str, str]:
    """Return the tags of an asset of a layer and a domain, with this personal data."""
    return {"layer": layer, "domain": domain} | ({PII_TAG: "true"} if pii else {})


def column_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """Return the columns of a table, with types and descriptions, as the Dagster UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                str(column.type),
                column.description,
                tags={PII_TAG: column.pii} if column.pii else {},
            )
            for column in columns
        ]
    )


def lineage_metadata(lineage: ColumnLineage) -> dict[str, dg.TableColumnLineage]:
    """Return the metadata that says which columns of the inputs each column is computed from."""
    if not lineage:
        return {}
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                name: [
                    dg.TableColumnDep(dg.AssetKey(key.split("/")), column)
                    for key, column in sources
                ]
                for name, sources in lineage.items()
            }
        )
    }


def _columns(table: Table) -> dict[str, object]:
    lineage = lineage_metadata(column_lineage(table))
    return {"dagster/column_schema": column_schema(table.columns), **lineage}


def _dependency(table: Table, key: str) -> dg.AssetDep:
    above = TABLES.get(key)
    if table.partitions and above and above.partitions:
        # Partitions of one name belong together, also where one table has more than the other.
        return dg.AssetDep(key.split("/"), partition_mapping=dg.IdentityPartitionMapping())
    return dg.AssetDep(key.split("/"))
