"""From CSV records to records by name: known fields, unknown columns, and faults."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.lines import MAX_LINE_BYTES

# Every field with the comma before it, so that none is empty.
_INNER = '[^"]*(?:""[^"]*)*'
_FIELDS = rf',("{_INNER}"[^,]*|[^,]*)'


def parse_records(bronze: DataFrame, fields: Sequence[str]) -> DataFrame:
    """Parse CSV records into `record`, a struct of `fields` as text, and `rescued`.

    `bronze` has raw, encoding, file, line, partition and header. The result has instead of header:

    - record: stripped texts, null where empty or not in the header. All are null if the record
      has another number of fields than the header.
    - rescued: a map of the filled unknown columns, null without any.
    - sizes: `counted` fields of the record and `named` fields of the header.
    """
    is_text = (F.col("encoding") == "utf-8") & (F.octet_length("raw") <= MAX_LINE_BYTES)
    # A carriage return before the line feed is part of the line's end.
    line = F.rtrim(F.when(is_text, F.col("raw")), F.lit("\r"))
    kept = [name for name in bronze.columns if name != "header"]
    return (
        bronze.select("*", _written(line).alias("written"))
        .select("*", F.struct(*_sizes()).alias("sizes"))
        .select("*", F.when(_complete(F.col("sizes")), F.col("written")).alias("complete"))
        .select(
            *kept,
            F.struct(*(_named(name).alias(name) for name in fields)).alias("record"),
            _rescued(fields).alias("rescued"),
            "sizes",
        )
    )


def _written(line: Column) -> Column:
    """Return the fields as written; a line without quotes is split at commas, which is faster."""
    quoted = F.regexp_extract_all(F.concat(F.lit(","), line), F.lit(_FIELDS), F.lit(1))
    return F.when(line.contains('"'), quoted).otherwise(F.split(line, ",", -1))


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


def _text(written: Column) -> Column:
    """Return the value of a field, without its quotes and the spaces around."""
    bare = F.regexp_replace(written, rf'^"({_INNER})"', "$1")
    single = F.replace(bare, F.lit('""'), F.lit('"'))
    return F.btrim(F.when(written.startswith('"'), single).otherwise(written), F.lit(" \t\r\n"))


def _named(name: str) -> Column:
    place = F.array_position("header", F.lit(name)).cast("int")
    text = _text(F.get("complete", place - 1))
    return F.when(text != "", text)


def _rescued(fields: Sequence[str]) -> Column:
    # Most files have no unknown columns.
    extended = F.exists("header", lambda name: ~name.isin(*fields))
    unknown = F.transform(F.when(extended, F.col("complete")), lambda written: _text(written))
    pairs = F.map_from_arrays(F.when(unknown.isNotNull(), F.col("header")), unknown)
    filled = F.map_filter(pairs, lambda name, text: ~name.isin(*fields) & (text != ""))
    return F.when(F.size(filled) > 0, filled)
