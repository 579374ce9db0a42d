"""From the raw lines of bronze to typed, cleaned rows, by the format that bronze records."""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.errors import ProfileError
from amazon_reviews.pipeline.datasets import Dataset, SilverSpec
from amazon_reviews.profiles.profile import Profile
from amazon_reviews.transforms.csv_records import parse_records
from amazon_reviews.transforms.lines import parse_lines

# An engine takes thousands of rows at once, and every field of them.
_MANY_COLUMNS = 500
_FIELDS_AT_ONCE = 2_000_000
_FORMAT = ("profile", "mapping", "delimiter", "quote")


class RecordFormat(NamedTuple):
    """The profile of records and, of delimited ones, their delimiter and quote character."""

    profile: Profile
    delimiter: str | None
    quote: str | None


class CleanedPart(NamedTuple):
    """Rows of silver, rejected ones included, whose records have the same source `fields`."""

    fields: tuple[str, ...]
    rows: DataFrame


def cleaned_parts(dataset: SilverSpec, bronze: DataFrame) -> list[CleanedPart]:
    """Return the rows of bronze as typed and cleaned rows of silver.

    A part is of one format, and small enough for the memory of an engine.
    """
    return [
        CleanedPart(
            record_format.profile.source_fields,
            dataset.clean(dataset.type_lines(parsed, record_format.profile)),
        )
        for record_format, parsed in parsed_rows(dataset, bronze)
    ]


def parsed_rows(
    dataset: SilverSpec,
    bronze: DataFrame,
    select: Callable[[RecordFormat], bool] = lambda _: True,
) -> Iterator[tuple[RecordFormat, DataFrame]]:
    """Yield each format of these rows of bronze that is to `select`, and its parsed records.

    Raises:
        ProfileError: bronze names a profile that this version of the project does not have.
    """
    lines = dataset.lines(bronze)
    if "profile" not in lines.columns:
        yield (native := RecordFormat(dataset.native, None, None)), _parsed(lines, native)
        return
    columns = F.coalesce(F.size("header"), F.lit(0)).alias("columns")
    formats = (
        lines.select(*_FORMAT, "line", columns)
        .groupBy(*_FORMAT)
        .agg(F.max("columns").alias("columns"), F.max("line").alias("last"))
        .collect()
    )
    for row in formats:
        values = [row[name] for name in _FORMAT]
        record_format = _record_format(dataset, *values)
        if not select(record_format):
            continue
        rows = lines
        if len(formats) > 1:
            conditions = (_is(name, value) for name, value in zip(_FORMAT, values, strict=True))
            rows = lines.where(reduce(Column.__and__, conditions))
        for part in _parts(rows, row["columns"], row["last"]):
            yield record_format, _parsed(part.drop(*_FORMAT), record_format)
    if not formats:
        yield (
            (native := _record_format(dataset, None, None, None, None)),
            _parsed(lines.drop(*_FORMAT), native),
        )


def _parts(rows: DataFrame, columns: int, last: int) -> Iterator[DataFrame]:
    """Yield the rows, in parts by line if their fields would not fit into memory at once."""
    if columns <= _MANY_COLUMNS:
        yield rows
        return
    step = max(1, _FIELDS_AT_ONCE // columns)
    for first in range(1, last + 1, step):
        yield rows.where(F.col("line").between(first, first + step - 1))


def _is(name: str, value: str | None) -> Column:
    return F.col(name).isNull() if value is None else F.col(name) == value


def _record_format(
    dataset: SilverSpec,
    name: str | None,
    mapping: str | None,
    delimiter: str | None,
    quote: str | None,
) -> RecordFormat:
    profile = dataset.native
    if mapping is not None:
        profile = Profile.from_json(mapping)
    elif name is not None and isinstance(dataset, Dataset) and dataset.profiles:
        named = {known.name: known for known in dataset.profiles}
        if name not in named:
            raise ProfileError(
                f"{dataset.bronze} has records of the profile {name}, which this version does not "
                "know; install the version that read them, or read them again"
            )
        profile = named[name]
    if delimiter is None and isinstance(dataset, Dataset) and dataset.required:
        # Rows of earlier versions, which read commas and double quotes only.
        delimiter, quote = ",", '"'
    return RecordFormat(profile, delimiter, quote)


def _parsed(lines: DataFrame, record_format: RecordFormat) -> DataFrame:
    profile, delimiter, quote = record_format
    if delimiter is None:
        return parse_lines(lines.drop("header"), profile.source_fields)
    # The texts of reviews are part of their identity, so they stay as they are.
    strip = profile.dataset not in ("reviews", "products")
    return parse_records(
        lines, profile.source_fields, delimiter=delimiter, quote=quote, strip=strip
    )
