"""From delimited records to records by name: known fields, unknown columns, and faults."""

import re
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.lines import MAX_LINE_BYTES, bounded, missing_fields

_WHITE_SPACE = " \t\r\n"


def parse_records(
    bronze: DataFrame,
    fields: Sequence[str],
    *,
    delimiter: str = ",",
    quote: str | None = '"',
    strip: bool = True,
) -> DataFrame:
    """Parse delimited records into `record`, a struct of `fields` as text, and `rescued`.

    `bronze` has raw, encoding, file, line, partition and header. Without a `quote` character,
    quotes are text. The result has instead of header:

    - record: texts, stripped of white space with `strip`, null where empty or not in the header.
      All are null if the record has another number of fields than the header.
    - rescued: a map of the filled unknown columns, null without any.
    - missing: see `missing_fields`.
    - sizes: `counted` fields of the record and `named` fields of the header.
    """
    is_text = (F.col("encoding") == "utf-8") & (F.octet_length("raw") <= MAX_LINE_BYTES)
    # A carriage return before the line feed is part of the line's end.
    line = F.rtrim(F.when(is_text, F.col("raw")), F.lit("\r"))
    kept = [name for name in bronze.columns if name != "header"]

    def text(written: Column) -> Column:
        unquoted = written if quote is None else _unquoted(written, quote)
        return F.btrim(unquoted, F.lit(_WHITE_SPACE)) if strip else unquoted

    return (
        bronze.select("*", _written(line, delimiter, quote).alias("written"))
        .select("*", F.struct(*_sizes()).alias("sizes"))
        .select("*", F.when(_complete(F.col("sizes")), F.col("written")).alias("complete"))
        .select("*", F.transform("complete", text).alias("texts"))
        .select(
            *kept,
            F.struct(*(_named(name).alias(name) for name in fields)).alias("record"),
            _rescued(fields).alias("rescued"),
            "sizes",
        )
        .select("*", missing_fields(fields, _complete(F.col("sizes"))).alias("missing"))
    )


def _written(line: Column, delimiter: str, quote: str | None) -> Column:
    """Return the fields as written; a line without quotes is split, which is faster."""
    end = re.escape(delimiter)
    split = F.split(line, end, -1)
    if quote is None:
        return split
    # Every field with the delimiter before it, so that none is empty.
    field = rf"{end}({quote}{_inner(quote)}{quote}[^{end}]*|[^{end}]*)"
    quoted = F.regexp_extract_all(F.concat(F.lit(delimiter), line), F.lit(field), F.lit(1))
    return F.when(line.contains(quote), quoted).otherwise(split)


def _inner(quote: str) -> str:
    """Return a regular expression of what is between quotes, in which quotes are doubled."""
    return f"[^{quote}]*(?:{quote}{quote}[^{quote}]*)*"


def _sizes() -> list[Column]:
    return [F.size("written").alias("counted"), F.size("header").alias("named")]


def _complete(sizes: Column) -> Column:
    return sizes["counted"] == sizes["named"]


def why_without_fields(raw: Column, encoding: Column, sizes: Column) -> Column:
    """Return the reason why a record of `parse_records` has no fields, null if it has them."""
    return (
        F.when(encoding != "utf-8", "not_utf8")
        .when(F.octet_length(raw) > MAX_LINE_BYTES, "too_large")
        .when(sizes["counted"] < sizes["named"], "missing_field")
        .when(sizes["counted"] > sizes["named"], "not_an_object")
    )


def record_size(sizes: Column) -> Column:
    """Return the detail of a record with a wrong number of fields; null if it is not text."""
    return F.concat(
        sizes["counted"].cast("string"),
        F.lit(" fields; the header names "),
        sizes["named"].cast("string"),
    )


def _unquoted(written: Column, quote: str) -> Column:
    """Return the value of a field without its quotes."""
    bare = F.regexp_replace(written, rf"^{quote}({_inner(quote)}){quote}", "$1")
    single = F.replace(bare, F.lit(quote * 2), F.lit(quote))
    return F.when(written.startswith(quote), single).otherwise(written)


def _named(name: str) -> Column:
    place = F.array_position("header", F.lit(name)).cast("int")
    text = F.get("texts", place - 1)
    return F.when(text != "", text)


def _rescued(fields: Sequence[str]) -> Column:
    # Most files have no unknown columns.
    extended = F.exists("header", lambda name: ~name.isin(*fields))
    unknown = F.when(extended, F.col("texts"))
    pairs = F.map_from_arrays(F.when(unknown.isNotNull(), F.col("header")), unknown)
    filled = F.map_filter(pairs, lambda name, text: ~name.isin(*fields) & (text != ""))
    return F.when(F.size(filled) > 0, bounded(filled))
