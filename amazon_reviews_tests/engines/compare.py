"""Comparison of the results of two engines, value by value and type by type."""

import gzip
import os
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS, SilverSpec
from amazon_reviews.pipeline.records import cleaned_parts
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.schemas import TABLES
from amazon_reviews.transforms.rejection import REJECTION_COLUMNS
from amazon_reviews_tests.helpers import content
from amazon_reviews_tests.transforms.frames import RECORDS

RowsByLine = dict[int, dict[str, Any]]

_RUN_HISTORY = "gold/pipeline_runs"
_FLOAT = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")
_OF_ALL_LINES = (*REJECTION_COLUMNS, "file", "line", "partition")


def cleaned(
    spark: SparkSession, dataset: SilverSpec, lines: Sequence[str]
) -> tuple[list[tuple[str, str]], RowsByLine]:
    """Return the types of the columns of silver, and its rows by line.

    Of a rejected line only the columns of silver/rejected are compared. CSV records have all
    fields.
    """
    header = [*dataset.native.source_fields]
    numbered = [(line, "utf-8", "f", n, "hulu", header) for n, line in enumerate(lines)]
    bronze = spark.createDataFrame(numbered, RECORDS)
    for name in ("profile", "mapping", "delimiter", "quote"):
        bronze = bronze.withColumn(name, F.lit(None).cast("string"))
    ((_, frame),) = cleaned_parts(dataset, bronze)
    accepted = F.col("reason").isNull()
    compared = frame.select(
        *(
            F.col(name) if name in _OF_ALL_LINES else F.when(accepted, F.col(name)).alias(name)
            for name in frame.columns
        )
    )
    rows = compared.toArrow().to_pylist()
    return compared.dtypes, {row["line"]: row for row in rows}


def differences(
    lines: Sequence[str], left: RowsByLine, right: RowsByLine
) -> list[tuple[str, str, Any, Any]]:
    """Return line, column and both values of all cells that differ."""
    return [
        (lines[line], name, left[line][name], right[line][name])
        for line in left
        for name in left[line]
        if repr(left[line][name]) != repr(right[line][name])
    ]


def assert_same_tables(left: Lakehouse, right: Lakehouse, digits: int | None = None) -> set[str]:
    """Assert that all tables have the same columns, types and rows; return those with rows.

    The history of runs is never the same. With `digits`, only so many significant ones of
    floating-point numbers are compared.
    """
    compared: set[str] = set()
    for key in filter(left.exists, TABLES.keys() - {_RUN_HISTORY}):
        assert right.exists(key), key
        assert left.delta(key).schema() == right.delta(key).schema(), key
        rows, others = content(left, key), content(right, key)
        if digits:
            rows, others = _rounded(rows, digits), _rounded(others, digits)
        assert rows == others, key
        if rows:
            # Of a table without rows, not every engine writes a file.
            assert _written_types(left, key) == _written_types(right, key), key
            compared.add(key)
    return compared


def _rounded(rows: Counter[str], digits: int) -> Counter[str]:
    """Return rows, as text, with their floating-point numbers rounded."""
    rounded: Counter[str] = Counter()
    for row, number in rows.items():
        rounded[_FLOAT.sub(lambda match: f"{float(match[0]):.{digits}g}", row)] += number
    return rounded


def _written_types(lakehouse: Lakehouse, key: str) -> set[tuple[str, str]]:
    """Return the columns in the files of the table with their types."""
    paths = [Path(lakehouse.uri(key)) / path for path in lakehouse.delta(key).file_uris()]
    schemas = [pq.read_schema(path).remove_metadata() for path in paths]
    return {(field.name, _plain(field.type)) for schema in schemas for field in schema}


def _plain(type_: pa.DataType) -> str:
    """Return a type without the names that writers give to the parts of lists and maps."""
    if pa.types.is_map(type_):
        return f"map<{type_.key_type}, {type_.item_type}>"
    if pa.types.is_list(type_):
        return f"list<{type_.value_type}>"
    return str(type_)


def lay_out_real_data(folder: Path) -> tuple[LandingZone, list[bytes]]:
    """Return a landing zone with a partition per real file, and the bodies of the real events."""
    location = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not location:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    data = Path(location)
    for dataset, files in (
        (REVIEWS.folder, data.glob("reviews/**/*.json.gz")),
        (PRODUCTS.folder, data.glob("metadata/*.json.gz")),
    ):
        for number, file in enumerate(sorted(files), start=1):
            place = folder / dataset / f"partition_{number}"
            place.mkdir(parents=True)
            shutil.copy(file, place)
    with gzip.open(data / "events" / "event_hub_messages.json.gz") as lines:
        return LandingZone(location=str(folder)), lines.read().splitlines()
