"""Whether two engines made the same, value by value and type by type."""

from pyspark.sql import functions as F

from amazon_reviews.pipeline.subjects import Refinement
from amazon_reviews.transforms.lines import REFUSAL, parse_lines

BRONZE = "raw string, encoding string, file string, line bigint, partition string"
_OF_ALL_LINES = (*REFUSAL, "file", "line", "partition")


def cleaned(spark, subject: Refinement, lines):
    """The transforms up to silver: types of the columns, and rows by line.

    Of a refused line only what goes into silver/rejected counts.
    """
    given = [(line, "utf-8", "f", number, "p") for number, line in enumerate(lines)]
    parsed = parse_lines(spark.createDataFrame(given, BRONZE), subject.fields)
    frame = subject.clean(subject.type_lines(parsed))
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
