"""The columns that a column of a data frame is computed from, read off the plan of Spark Connect.

A column is computed from those that its expression names. Filters, keys of joins and of groups
decide which rows there are, and count only where an expression names them.

`python -m amazon_reviews_tests.plan_lineage` writes the lineage of the tables that transforms build
to `amazon_reviews/schemas/column_lineage.json`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from amazon_reviews.pipeline.datasets import DATASETS, STREAM
from amazon_reviews.pipeline.input_rows import REVIEW_SOURCES
from amazon_reviews.pipeline.marts import MARTS, SENTIMENT_MARTS, transform_of
from amazon_reviews.pipeline.partials import aggregate_of
from amazon_reviews.pipeline.records import cleaned_parts
from amazon_reviews.resources.spark.engine import start_session
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.lineage import FILE
from amazon_reviews.transforms import prices, products, recommender, reviews, title_ratings, titles

Sources = frozenset[str]
"""Columns of tables, each as `key.column`."""
Columns = list[tuple[str, Sources]]
"""The columns of a relation by name, with what they are computed from."""

_ARGUMENTS = {"partials/phrases": (["Good"],)}
"""Arguments of partial aggregates beside the rows, by key."""

_PASSING = ("filter", "sort", "limit", "offset", "deduplicate", "hint", "subquery_alias")


def frames(spark: SparkSession) -> Iterator[tuple[str, DataFrame, dict[str, DataFrame]]]:
    """Yield the key of each table that a transform builds, its frame, and its inputs by key.

    gold/reviews comes twice: the reviews of files and those of the stream are built apart.
    """

    def of(*keys: str) -> dict[str, DataFrame]:
        schemas = {key: from_arrow_schema(TABLES[key].arrow_schema) for key in keys}
        return {key: spark.createDataFrame([], schema) for key, schema in schemas.items()}

    for dataset in (*DATASETS, STREAM):
        inputs = of(dataset.bronze)
        yield dataset.silver, cleaned_parts(dataset, inputs[dataset.bronze])[0].rows, inputs
    inputs = of("silver/products", "silver/review_products")
    both = inputs["silver/products"].unionByName(inputs["silver/review_products"])
    ranks = spark.createDataFrame([], "partition string, rank int")
    best = products.best_products(both, ranks)
    yield "gold/products", prices.impute_prices(best), inputs
    for key, source in REVIEW_SOURCES.items():
        inputs = of(key, "gold/products")
        silver = inputs[key].withColumn("source", F.lit(source))
        yield "gold/reviews", reviews.gold_reviews(silver, inputs["gold/products"]), inputs
    inputs = of("silver/titles", "silver/title_ratings")
    rated = title_ratings.rated_titles(inputs["silver/title_ratings"])
    yield "gold/titles", titles.gold_titles(inputs["silver/titles"], rated), inputs
    yield "gold/title_actors", titles.title_actors(inputs["silver/titles"]), inputs
    inputs = of("gold/reviews")
    interactions = recommender.interactions(inputs["gold/reviews"])
    yield "gold/recommender_interactions", interactions, inputs
    for mart in (*MARTS, *SENTIMENT_MARTS):
        inputs = of(*mart.inputs)
        first, *others = inputs.values()
        added = [
            aggregate_of(TABLES[key])(first, *_ARGUMENTS.get(key, ())) for key in mart.partials
        ]
        if mart.key in mart.partials:
            yield mart.key, added[0], inputs
        else:
            yield mart.key, transform_of(mart)(*(added or [first]), *others), inputs


def lineage_of_tables(spark: SparkSession) -> dict[str, dict[str, str]]:
    """Return the lineage of all tables as column_lineage.json has it."""
    found: dict[str, dict[str, Sources]] = defaultdict(dict)
    for key, frame, inputs in frames(spark):
        sources = lineage(frame, inputs)
        for name in TABLES[key].names:
            found[key][name] = found[key].get(name, frozenset()) | sources[name]
    return {
        key: {name: " ".join(sorted(sources)) for name, sources in columns.items() if sources}
        for key, columns in found.items()
    }


def lineage(frame: Any, inputs: Mapping[str, DataFrame]) -> dict[str, Sources]:
    """Return what each column of the frame is computed from; `inputs` are its tables by key."""
    plans = {_plan(spark_frame): (key, spark_frame) for key, spark_frame in inputs.items()}
    root = frame._plan.to_proto(frame.sparkSession.client).root
    return dict(_Plan({n: _own(key, columns) for n, (key, columns) in plans.items()}).columns(root))


def _plan(frame: Any) -> int:
    return int(frame._plan._plan_id)


def _own(key: str, frame: DataFrame) -> Columns:
    return [(name, frozenset({f"{key}.{name}"})) for name in frame.columns]


@dataclass
class _Plan:
    """A plan above tables, whose columns are given by the id of their plan."""

    tables: Mapping[int, Columns]

    @cached_property
    def _seen(self) -> dict[int, Columns]:
        return {}

    def columns(self, relation: Any) -> Columns:
        number = relation.common.plan_id
        if number not in self._seen:
            self._seen[number] = self.tables.get(number) or self._columns(relation)
        return self._seen[number]

    def _columns(self, relation: Any) -> Columns:
        kind = relation.WhichOneof("rel_type")
        if kind == "local_relation":
            return []
        node = getattr(relation, kind)
        if kind in _PASSING:
            return self.columns(node.input)
        columns: Columns = getattr(self, f"_{kind}")(node)
        return columns

    def _project(self, node: Any) -> Columns:
        above = self.columns(node.input) if node.HasField("input") else []
        return [column for e in node.expressions for column in self._named(e, above)]

    def _with_columns(self, node: Any) -> Columns:
        above = self.columns(node.input)
        new = {alias.name[0]: self._sources(alias.expr, above) for alias in node.aliases}
        replaced = [(name, new.pop(name, sources)) for name, sources in above]
        return [*replaced, *new.items()]

    def _with_columns_renamed(self, node: Any) -> Columns:
        names = {one.col_name: one.new_col_name for one in node.renames}
        return [(names.get(name, name), s) for name, s in self.columns(node.input)]

    def _drop(self, node: Any) -> Columns:
        names = {*node.column_names} | {
            c.unresolved_attribute.unparsed_identifier for c in node.columns
        }
        return [(name, s) for name, s in self.columns(node.input) if name not in names]

    def _to_df(self, node: Any) -> Columns:
        above = self.columns(node.input)
        return [(name, s) for name, (_, s) in zip(node.column_names, above, strict=True)]

    def _aggregate(self, node: Any) -> Columns:
        above = self.columns(node.input)
        expressions = [*node.grouping_expressions, *node.aggregate_expressions]
        return [column for e in expressions for column in self._named(e, above)]

    def _join(self, node: Any) -> Columns:
        left, right = self.columns(node.left), self.columns(node.right)
        if "SEMI" in (kind := node.JoinType.Name(node.join_type)) or "ANTI" in kind:
            return left
        return [
            *left,
            *((name, s) for name, s in right if name not in {*node.using_columns}),
        ]

    def _set_op(self, node: Any) -> Columns:
        left, right = self.columns(node.left_input), self.columns(node.right_input)
        if not node.by_name:
            return [(n, s | r) for (n, s), (_, r) in zip(left, right, strict=True)]
        others = dict(right)
        both = [(name, s | others.pop(name, frozenset())) for name, s in left]
        return [*both, *others.items()]

    def _named(self, expression: Any, above: Columns) -> Columns:
        """Return the columns of an expression in a projection."""
        kind = expression.WhichOneof("expr_type")
        if kind == "unresolved_star":
            return above
        if kind == "alias":
            return [(expression.alias.name[0], self._sources(expression.alias.expr, above))]
        names = self._attributes(expression)
        name = names[0][0].rpartition(".")[2] if kind == "unresolved_attribute" else "?"
        return [(name, self._sources(expression, above))]

    def _sources(self, expression: Any, above: Columns) -> Sources:
        """Return the columns of tables that an expression is computed from."""
        found: Sources = frozenset()
        for name, number in self._attributes(expression):
            of_plan = self._seen.get(number, above) if number is not None else above
            found |= _lookup(name, of_plan) or _lookup(name, above)
        return found

    def _attributes(self, message: Any) -> list[tuple[str, int | None]]:
        """Return the attributes in a message with the ids of their plans."""
        if message.DESCRIPTOR.name == "UnresolvedAttribute":
            has_plan = message.HasField("plan_id")
            return [(message.unparsed_identifier, message.plan_id if has_plan else None)]
        assert message.DESCRIPTOR.name not in ("SQL", "ExpressionString"), message
        found = []
        for field, value in message.ListFields():
            if field.type != field.TYPE_MESSAGE:
                continue
            for one in value if isinstance(value, Iterable) else [value]:
                found += self._attributes(one)
        return found


def _lookup(name: str, columns: Columns) -> Sources:
    """Return the sources of a column by its name, also of a field of it, or with its table."""
    names = name.split(".")
    for candidate in (name, names[0], names[-1]):
        if found := [sources for column, sources in columns if column == candidate]:
            return frozenset().union(*found)
    return frozenset()


if __name__ == "__main__":
    session = start_session("sail", 1 << 30)
    FILE.write_text(json.dumps(lineage_of_tables(session), indent=1) + "\n", encoding="utf-8")
