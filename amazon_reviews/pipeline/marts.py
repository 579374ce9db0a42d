"""The marts: building each from its inputs with the transform of its name.

A mart of the reviews adds up partial aggregates; see `pipeline/partials.py`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from graphlib import TopologicalSorter
from inspect import isfunction
from itertools import takewhile

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type

from amazon_reviews.pipeline.input_rows import check_inputs_are_there
from amazon_reviews.pipeline.partials import (
    PARTIALS,
    aggregate_of,
    current_partitions,
    refresh_partials,
    source_of,
)
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse, row_count
from amazon_reviews.schemas import MART_TABLES, TABLES, Table
from amazon_reviews.schemas import sentiment as sentiment_tables
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import GOLD_REVIEWS
from amazon_reviews.schemas.marts import PIPELINE_MARTS
from amazon_reviews.transforms.marts import (
    alerts,
    counts,
    groups,
    over_time,
    people,
    products,
    sentiment,
)

Transform = Callable[..., DataFrame]

_TRANSFORMS: Mapping[str, Transform] = {
    name: function
    for module in (alerts, counts, groups, over_time, people, products, sentiment)
    for name, function in vars(module).items()
    if isfunction(function) and function.__module__ == module.__name__
}


def transform_of(mart: Table) -> Transform:
    """Return the transform of a mart: the function of its name in `transforms/marts`.

    That of a mart which is a partial aggregate itself is in `transforms/marts/partials`.

    Raises:
        LookupError: no module there has such a function.
    """
    if mart.key in mart.partials:
        return aggregate_of(mart)
    if mart.name not in _TRANSFORMS:
        raise LookupError(f"{mart.key}: transforms/marts has no function {mart.name}")
    return _TRANSFORMS[mart.name]


def _in_build_order(marts: Sequence[Table]) -> tuple[Table, ...]:
    by_key = {mart.key: mart for mart in marts}
    above = {key: [name for name in by_key[key].inputs if name in by_key] for key in by_key}
    return tuple(by_key[key] for key in TopologicalSorter(above).static_order())


MARTS = _in_build_order([table for table in MART_TABLES if table not in PIPELINE_MARTS])
"""The marts of the reviews in build order: each follows the marts among its inputs."""

SENTIMENT_MARTS = (
    sentiment_tables.SENTIMENT_CATEGORIES,
    sentiment_tables.SENTIMENT_BRANDS,
    sentiment_tables.SENTIMENT_PRODUCTS,
    sentiment_tables.SENTIMENT_YEARS,
)
"""The marts of the predicted sentiment, by category, brand, product and year."""


class MartBuilder:
    """Builds marts, all from the same state of their inputs.

    `versions` are the Delta versions of the inputs that are no marts themselves. For the marts
    whose keys are in `rebuild`, also partitions that did not change are aggregated again.
    """

    def __init__(
        self,
        spark: SparkSession,
        lakehouse: Lakehouse,
        batch_rows: int,
        marts: Sequence[Table] = MARTS,
        *,
        rebuild: Collection[str] = (),
    ) -> None:
        self._spark = spark
        self._lakehouse = lakehouse
        self._batch_rows = batch_rows
        self._rebuilt = {key for mart in marts if mart.key in rebuild for key in mart.partials}
        self._refreshed: set[str] = set()
        built = {mart.key for mart in marts}
        inputs = {key for mart in marts for key in mart.inputs if key not in built}
        aggregated = {mart.inputs[0] for mart in marts if mart.partials}
        self._sources = {key: source_of(lakehouse, key) for key in aggregated}
        self.versions = {key: source.version for key, source in self._sources.items()}
        for key in inputs - aggregated:
            lakehouse.ensure(key)
            self.versions[key] = lakehouse.delta(key).version()

    def build(self, mart: Table) -> None:
        """Rebuild a mart in one commit, after the partial aggregates that it adds up.

        Raises:
            MissingInputError: it was built from a table that is missing now; it stays as it is.
        """
        inputs = _inputs(self._lakehouse, mart, self.versions)
        for key in mart.partials:
            self._refresh(TABLES[key])
        if mart.key in mart.partials:
            self._lakehouse.record(mart.key, {WHOLE: inputs})
        else:
            build_whole(self._spark, self._lakehouse, mart, transform_of(mart), self.versions)

    def _refresh(self, table: Table) -> None:
        if table.key in self._refreshed:
            return
        for key in table.inputs[1:]:
            if key in PARTIALS:
                self._refresh(PARTIALS[key])
        refresh_partials(
            self._spark,
            self._lakehouse,
            table,
            self._sources[table.inputs[0]],
            self._batch_rows,
            rebuild=table.key in self._rebuilt,
        )
        self._refreshed.add(table.key)


def build_whole(
    spark: SparkSession,
    lakehouse: Lakehouse,
    table: Table,
    transform: Transform,
    versions: Mapping[str, int],
) -> None:
    """Rebuild a whole table in one commit: `transform` takes the rows of its inputs, in order.

    The rows are stored in the order of their exact columns, so that a table from equal inputs has
    equal files. Only the rows are equal in a table that apps look rows up in: it may be too large
    to sort.

    Raises:
        MissingInputError: it was built from a table that is missing now; it stays as it is.
    """
    inputs = _inputs(lakehouse, table, versions)
    added = [
        lakehouse.read(spark, key, current_partitions(lakehouse, TABLES[key]))
        for key in table.partials
    ]
    keys = table.inputs[1:] if added else table.inputs
    frames = added + [lakehouse.read(spark, key, version=versions.get(key)) for key in keys]
    rows = _typed(transform(*frames), table)
    if not table.sort_by:
        # Spark would compute the rows twice to sort them in several parts. The embedded engine
        # writes rows without their order, unless an offset needs it.
        rows = rows.coalesce(1).orderBy(*_exact_columns(table)).offset(0)
    lakehouse.write(rows, table.key, replacing=ALL_ROWS, built={WHOLE: inputs})


def _inputs(lakehouse: Lakehouse, table: Table, versions: Mapping[str, int]) -> dict[str, int]:
    """Return the versions of the inputs, which must be there if it was built from them before."""
    inputs = lakehouse.input_versions(table.key) | {
        key: lakehouse.version_at(key, version)
        for key, version in versions.items()
        if key in table.inputs
    }
    check_inputs_are_there(lakehouse, table.key, inputs)
    return inputs


def output_and_input_reviews(
    lakehouse: Lakehouse, mart: Table, versions: Mapping[str, int]
) -> tuple[int, int]:
    """Return the number of reviews in a mart that adds up, and in its first input."""
    source, reviews = mart.inputs[0], GOLD_REVIEWS.key
    input_reviews = (
        row_count(lakehouse.delta(reviews, versions.get(reviews)))
        if source == reviews
        else _reviews(lakehouse, source)
    )
    return _reviews(lakehouse, mart.key), input_reviews


def _reviews(lakehouse: Lakehouse, key: str) -> int:
    rows = lakehouse.delta(key).to_pyarrow_table(columns=["reviews"])
    return pc.sum(rows["reviews"]).as_py() or 0


def _exact_columns(table: Table) -> list[str]:
    """Return the columns before the first measure that is a double; they identify a row."""
    exact = takewhile(lambda column: not pa.types.is_floating(column.type), table.columns)
    return [column.name for column in exact]


def _typed(frame: DataFrame, table: Table) -> DataFrame:
    return frame.select(
        *(
            F.col(column.name).cast(from_arrow_type(column.type)).alias(column.name)
            for column in table.columns
        )
    )
