"""The outputs of the project as the planner sees them, from their declarations."""

from amazon_reviews.pipeline.artifacts import FILES, MODELS
from amazon_reviews.pipeline.datasets import DATASETS, STREAM
from amazon_reviews.planner.model import Output
from amazon_reviews.schemas import PUBLISHED, TABLES, Table
from amazon_reviews.schemas.layers import (
    GOLD_DUPLICATES,
    SCRATCH_LOST_REVIEWS,
    SILVER_DUPLICATES,
    SILVER_PRODUCTS_COLUMNS,
    SILVER_REJECTED,
    SILVER_REVIEW_KEYS,
    SILVER_REVIEWS_COLUMNS,
)

_SILVER = tuple(dataset.silver for dataset in DATASETS)
BUILT_WITH_OTHERS = frozenset(
    (
        GOLD_DUPLICATES.key,
        SCRATCH_LOST_REVIEWS.key,
        SILVER_DUPLICATES.key,
        SILVER_PRODUCTS_COLUMNS.key,
        SILVER_REVIEW_KEYS.key,
        SILVER_REVIEWS_COLUMNS.key,
        *(key for key, table in TABLES.items() if table.layer == "partials"),
    )
)
"""The tables that are no outputs of their own: the builds of other tables write them."""


def inputs_of(table: Table) -> tuple[str, ...]:
    """Return the keys of the outputs that a table is built from."""
    # It is written together with the silver table of every dataset.
    return _SILVER if table.key == SILVER_REJECTED.key else table.inputs


def _table(table: Table) -> Output:
    own = {key for _, key in table.partition_inputs}
    accounted = ("accounted",) if table.key in (*_SILVER, STREAM.silver) else ()
    return Output(
        table.key,
        inputs=tuple(key for key in inputs_of(table) if key not in own),
        partitioned=table.partitions is not None,
        partition_inputs=table.partition_inputs,
        code_version=table.code_version,
        checks=(*accounted, *table.checks, *(("adds_up",) if table.adds_up else ())),
        table_checks=table.table_checks,
        pace=table.pace,
        optional=table.optional,
        arrives=table.key in {dataset.bronze for dataset in (*DATASETS, STREAM)},
    )


OUTPUTS = (
    *(_table(table) for key, table in TABLES.items() if key not in BUILT_WITH_OTHERS),
    *(
        Output(f"warehouse/{table.name}", inputs=(table.key,), code_version="")
        for table in PUBLISHED
    ),
    *(
        Output(a.key, inputs=a.inputs, code_version=a.code_version, checks=a.checks)
        for a in (*MODELS, *FILES)
    ),
)
"""Every output of the project."""
