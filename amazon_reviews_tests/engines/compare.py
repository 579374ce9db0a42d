"""Whether two engines made the same, value by value and type by type."""

import gzip
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS, SilverSpec
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.schemas import TABLES
from amazon_reviews.transforms.lines import REFUSAL
from amazon_reviews_tests.helpers import content

BRONZE = (
    "raw string, encoding string, file string, line bigint, partition string, header array<string>"
)
_OF_ALL_LINES = (*REFUSAL, "file", "line", "partition")


def cleaned(spark, dataset: SilverSpec, lines):
    """The transforms up to silver: types of the columns, and rows by line.

    Of a refused line only what goes into silver/rejected counts. CSV records have all fields.
    """
    given = [(line, "utf-8", "f", n, "hulu", [*dataset.fields]) for n, line in enumerate(lines)]
    bronze = spark.createDataFrame(given, BRONZE)
    parsed = dataset.parse(dataset.lines(bronze), dataset.fields)
    frame = dataset.clean(dataset.type_lines(parsed))
    accepted = F.col("reason").isNull()
    shown = frame.select(
        *(
            F.col(name) if name in _OF_ALL_LINES else F.when(accepted, F.col(name)).alias(name)
            for name in frame.columns
        )
    )
    rows = shown.toArrow().to_pylist()
    return shown.dtypes, {row["line"]: row for row in rows}


def differences(lines, left, right):
    """Line, column and both values, of all cells that are not the same."""
    return [
        (lines[line], name, left[line][name], right[line][name])
        for line in left
        for name in left[line]
        if repr(left[line][name]) != repr(right[line][name])
    ]


def assert_same_tables(left, right):
    """Assert that all tables have the same columns, types and rows; returns those with rows."""
    compared = set()
    for key in filter(left.exists, TABLES):
        assert right.exists(key), key
        assert left.delta(key).schema() == right.delta(key).schema(), key
        assert _written_types(left, key) == _written_types(right, key), key
        found = content(left, key)
        assert found == content(right, key), key
        if found:
            compared.add(key)
    return compared


def _written_types(lakehouse, key):
    """The types in the table's own files, by column."""
    paths = [Path(lakehouse.uri(key)) / path for path in lakehouse.delta(key).file_uris()]
    schemas = [pq.read_schema(path).remove_metadata() for path in paths]
    return {(field.name, _plain(field.type)) for schema in schemas for field in schema}


def _plain(type_):
    """A type without the names that writers give to the parts of lists and maps."""
    if pa.types.is_map(type_):
        return f"map<{type_.key_type}, {type_.item_type}>"
    if pa.types.is_list(type_):
        return f"list<{type_.value_type}>"
    return str(type_)


def lay_out_real_data(folder):
    """A landing zone of all real files, a partition each, and the bodies of the real events."""
    given = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not given:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    data = Path(given)
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
