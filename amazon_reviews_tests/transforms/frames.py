"""Input DataFrames for transforms, and their results as rows."""

import json
from collections.abc import Iterable
from typing import Any

from pyspark.sql import DataFrame, SparkSession

LINES = "raw string, encoding string, file string, line bigint, partition string"
RECORDS = f"{LINES}, header array<string>"


def frame_of_lines(spark: SparkSession, lines: Iterable[str | dict[str, Any]]) -> DataFrame:
    """Return lines of one file as a DataFrame, numbered from 1; a record becomes its JSON text."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    numbered = [(text, "utf-8", "f", number, "p") for number, text in enumerate(texts, start=1)]
    return spark.createDataFrame(numbered, LINES)


def rows_by_line(frame: DataFrame) -> list[dict[str, Any]]:
    """Return the rows in the order of their lines."""
    return frame.orderBy("line").toArrow().to_pylist()
