"""Jobs over partitions that a person names: build them in one run, or remove them for good."""

from collections.abc import Callable, Collection, Mapping
from enum import Enum

import dagster as dg
from pydantic import Field

from amazon_reviews.defs.assets.gold import accounted_reviews
from amazon_reviews.defs.assets.metadata import rows_metadata
from amazon_reviews.defs.assets.partitioned import unknown_partitions
from amazon_reviews.defs.partitions import PARTITIONS, forget, in_order, known_partitions
from amazon_reviews.defs.requests import STARTED_BY_TAG, asset_key
from amazon_reviews.defs.run_options import partition_options, step_of
from amazon_reviews.defs.run_queue import SHARED_PLACE
from amazon_reviews.errors import LandingError, RemovalError
from amazon_reviews.pipeline.datasets import DATASETS, Dataset
from amazon_reviews.pipeline.removal import (
    check_removable,
    partitioned_tables,
    rows_to_remove,
)
from amazon_reviews.pipeline.removal import (
    remove_partitions as remove_rows,
)
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.resources.spark.engine import SparkEngine
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.layers import GOLD_REVIEWS

_BY_NAME = {dataset.name: dataset for dataset in DATASETS}
PartitionedTable = Enum(  # type: ignore[misc]
    "PartitionedTable", {key: key for key, table in TABLES.items() if table.partitions}
)
"""The tables with partitions; the configuration of a run has their keys."""

DatasetName = Enum(  # type: ignore[misc]
    "DatasetName", {name: name for name in _BY_NAME}
)
"""The datasets whose partitions may be removed."""


class PartitionList(dg.Config):
    """The partitions of a table that one run builds."""

    table: PartitionedTable = Field(description="table to build, such as silver/reviews")
    partitions: list[str] = Field(
        min_length=1, description="its partitions, which need not be consecutive"
    )


def build_partitions(asset_job: Callable[[], dg.JobDefinition]) -> dg.JobDefinition:
    """Return the job that builds the listed partitions of a table in one run.

    `asset_job` returns the job of all assets. A run of it is executed in the process of the step,
    so that a process is started once.
    """

    @dg.op(name="build_listed_partitions")
    def build_listed(context: dg.OpExecutionContext, config: PartitionList) -> None:
        key = str(config.table.value)
        partitions = PARTITIONS[str(TABLES[key].partitions)]
        known = known_partitions(context.instance, partitions)
        if unknown := unknown_partitions(key, config.partitions, known):
            raise dg.Failure(unknown, allow_retries=False)
        tags, options = partition_options(context.instance, key, config.partitions)
        result = asset_job().execute_in_process(
            instance=context.instance,
            asset_selection=[asset_key(key)],
            tags={**tags, **SHARED_PLACE, STARTED_BY_TAG: f"run {context.run_id}"},
            run_config={"ops": {step_of(key): {"config": options}}},
            raise_on_error=False,
        )
        run = f"run {result.run_id} over {_number({*config.partitions})} of {key}"
        if not result.success:
            raise dg.Failure(f"{run} failed; its log names them", allow_retries=False)
        context.log.info(f"{run} is done")

    @dg.job(
        name="build_partitions",
        description="Builds the listed partitions of a table in one run. In the dialog of an "
        "asset, partitions that are not consecutive become several runs.",
    )
    def job() -> None:
        build_listed()

    return job


class RemovedPartitions(dg.Config):
    """The partitions to remove."""

    dataset: DatasetName = Field(description="dataset of the partitions, such as reviews")
    partitions: list[str] = Field(
        min_length=1, description="partitions whose folders are no longer in the landing zone"
    )
    remove: bool = Field(
        default=False,
        description="true to remove them for good; otherwise the run only shows what would go",
    )


@dg.op(name="remove_listed_partitions", out=dg.Out(dg.Nothing))
def remove_listed(
    context: dg.OpExecutionContext,
    config: RemovedPartitions,
    landing: dg.ResourceParam[LandingZone],
    lakehouse: dg.ResourceParam[Lakehouse],
    engine: dg.ResourceParam[SparkEngine],
) -> None:
    """Remove partitions from the tables and from Dagster, or show what would go.

    Raises:
        Failure: a partition does not exist, or is in the landing zone again; nothing was removed.
    """
    dataset = _BY_NAME[str(config.dataset.value)]
    names = in_order({*config.partitions})
    try:
        check_removable(landing, lakehouse, dataset, names)
    except (LandingError, RemovalError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    rows = rows_to_remove(lakehouse, dataset, names)
    by_partition = [[name, *(rows[key][name] for key in rows)] for name in names]
    context.add_output_metadata({"rows": rows_metadata(["partition", *rows], by_partition)})
    what = f"{_number(names)} of {dataset.folder} with {_total(rows, dataset):,} lines"
    if not config.remove:
        context.log.info(f"would remove {what}; set remove to true to do so")
        return
    regained = dict(remove_rows(engine.session, lakehouse, dataset, names, engine.batch_rows))
    accounted_reviews(lakehouse, [*regained])
    for name, counts in regained.items():
        figures = {"dagster/partition_row_count": counts.kept}
        event = dg.AssetMaterialization(GOLD_REVIEWS.path, partition=name, metadata=figures)
        context.log_event(event)
    for table in partitioned_tables(dataset):
        partitions = PARTITIONS[str(table.partitions)]
        forget(context.instance, partitions, dg.AssetKey(table.path), names)
    context.log.info(f"removed {what}; the planner updates what was built from them")


def _number(names: Collection[str]) -> str:
    return "1 partition" if len(names) == 1 else f"{len(names):,} partitions"


def _total(rows: Mapping[str, Mapping[str, int]], dataset: Dataset) -> int:
    return sum(rows.get(dataset.bronze, {}).values())


@dg.job(
    name="remove_partitions",
    description="Removes partitions that are no longer in the landing zone: their rows in all "
    "tables, their keys and their history. Shows only what would go unless remove is true.",
)
def remove_partitions() -> None:
    """Remove partitions that have disappeared."""
    remove_listed()
