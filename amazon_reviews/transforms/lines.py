"""From source lines to records: parse JSON, keep unknown fields, find unreadable lines.

Both engines turn an unreadable line into a null record. So a line is rejected when a required
field is null, and `why_unreadable` gives the reason afterwards.
"""

import re
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, GroupedData, Window
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import ORIGIN
from amazon_reviews.transforms.strict_json import (
    BLANKS,
    STRING,
    SUSPECT,
    is_long,
    plain,
    readable,
    text_map,
    trimmed,
    values_of,
)

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Longest line that is parsed, in bytes."""

_LONGEST_NAME = 60
_EMPTY = rf"^{BLANKS}*(?:\[\]|\{{\}})?{BLANKS}*\z"
MOST_RESCUED = 1_000
"""Most unknown fields of a record that silver keeps."""

FIELDS_OF_NUMBER = 60
"""Fields of one number of `missing_fields`."""

BOM = "\ufeff"

SIZES = "struct<counted: int, named: int>"
"""Type of the numbers of fields of a CSV record and of its header."""


def event_lines(events: DataFrame) -> DataFrame:
    """Return events as lines: raw, encoding, file (hub/partition), line (sequence number).

    `events` are rows of bronze/review_events, and keep their partition. The file of a record of a
    batch ends in # and the record's number. A byte order mark is no part of a line. Grain: one
    row per event or record.
    """
    is_text = F.col("encoding") == "utf-8"
    # The JVM's base64 has lines of 76 characters.
    encoded = F.replace(F.base64("body"), F.lit("\r\n"), F.lit(""))
    text = F.when(is_text, F.col("body").cast("string")).otherwise(encoded)
    without_mark = F.when(text.startswith(BOM), F.substr(text, F.lit(2))).otherwise(text)
    place = F.concat_ws("/", "hub", "hub_partition")
    return events.select(
        without_mark.alias("raw"),
        "encoding",
        F.concat_ws("#", place, F.col("record").cast("string")).alias("file"),
        F.col("sequence_number").alias("line"),
        "partition",
    )


def parse_lines(bronze: DataFrame, fields: Sequence[str]) -> DataFrame:
    """Parse JSON lines into `record`, a struct of `fields` as text, and `rescued`.

    `bronze` has raw, encoding, file, line and partition. The result has in addition:

    - record: scalars as text, arrays and objects as JSON text, null where the line is not an
      object.
    - rescued: a map of the unknown fields, null without any.
    - missing: see `missing_fields`.
    - sizes: the sizes of a CSV record, null here.
    """
    # One scan finds what is rare and costly.
    searched = F.col("raw").rlike(f"{unknown_field_pattern(fields)}|{SUSPECT}")
    suspected = F.when(is_long(F.col("raw")), True).otherwise(searched)
    is_text = (F.col("encoding") == "utf-8") & (F.octet_length("raw") <= MAX_LINE_BYTES)
    unusual = F.when(F.col("suspected"), is_long(F.col("raw")) | F.col("raw").rlike(SUSPECT))
    json = F.when(unusual, readable(F.col("raw"))).otherwise(F.col("raw"))
    names = (field.replace("`", "``") for field in fields)
    schema = ", ".join(f"`{name}`: string" for name in names)
    return (
        bronze.select("*", suspected.alias("suspected"))
        .select("*", F.when(is_text, json).alias("json"))
        # A column of its own: the embedded engine would parse again for each use in a condition.
        .select("*", values_of(F.col("json"), f"struct<{schema}>").alias("values"))
        .select(
            *bronze.columns,
            F.when(F.size("values") == 1, F.get("values", F.lit(0))).alias("record"),
            _rescued(fields).alias("rescued"),
            F.lit(None).cast(SIZES).alias("sizes"),
        )
        .select("*", missing_fields(fields, F.col("record").isNotNull()).alias("missing"))
    )


def missing_fields(fields: Sequence[str], has_fields: Column) -> Column:
    """Return which `fields` of `record` are absent, null or empty; null without any fields.

    Each is a bit of an array of whole numbers, the first one the lowest bit of the first number.
    """
    empty = [F.coalesce(F.col("record")[field].rlike(_EMPTY), F.lit(True)) for field in fields]
    bits = [flag.cast("bigint") * (1 << n % FIELDS_OF_NUMBER) for n, flag in enumerate(empty)]
    starts = range(0, len(bits), FIELDS_OF_NUMBER)
    numbers = (_sum(bits[start : start + FIELDS_OF_NUMBER]) for start in starts)
    # Numbers that may be null, as those that are read from a file.
    return F.when(has_fields, F.array(*(F.when(has_fields, number) for number in numbers)))


def _sum(terms: Sequence[Column]) -> Column:
    """Return the sum of some columns; halves, as engines have a limit of levels."""
    middle = len(terms) // 2
    return _sum(terms[:middle]) + _sum(terms[middle:]) if middle else terms[0]


def count_missing(rows: GroupedData, fields: int) -> DataFrame:
    """Return how many rows of each group have fields, and miss each of the first ones.

    The rows have the column `missing` of `missing_fields`. The result has lines and missing_0,
    missing_1, and so on; a count is null where no row has so many fields.
    """
    places = (divmod(n, FIELDS_OF_NUMBER) for n in range(fields))
    bits = (
        F.shiftright(F.get("missing", F.lit(number)), bit).bitwiseAND(F.lit(1))
        for number, bit in places
    )
    sums = (F.sum(bit).alias(f"missing_{n}") for n, bit in enumerate(bits))
    return rows.agg(F.count("missing").alias("lines"), *sums)


def _rescued(fields: Sequence[str]) -> Column:
    unknown = F.map_filter(text_map(F.col("json")), lambda name, _: ~name.isin(*fields))
    rescued = F.when(F.col("suspected"), unknown)
    texts = F.transform(F.map_values(rescued), _as_text)
    rescued_texts = F.map_from_arrays(F.map_keys(rescued), texts)
    return F.when(F.size(rescued) > 0, bounded(rescued_texts))


def bounded(rescued: Column) -> Column:
    """Return the first fields of a map, at most MOST_RESCUED; bronze has the others."""
    names, texts = (
        F.slice(part, 1, MOST_RESCUED) for part in (F.map_keys(rescued), F.map_values(rescued))
    )
    few = F.map_from_arrays(names, texts)
    return F.when(F.size(rescued) > MOST_RESCUED, few).otherwise(rescued)


def _as_text(value: Column) -> Column:
    structured = value.startswith("{") | value.startswith("[")
    return F.when(structured, plain(value)).otherwise(value)


def unknown_field_pattern(fields: Sequence[str]) -> str:
    """Return a regular expression that finds a key of a JSON object other than `fields`.

    One scan leaves the costly second parse to the few lines that need it. The expression ignores
    nesting: keys of a nested object match too. Keys that end in a colon (as in `style`) do not
    match inside the first nested object. Very long names always match.
    """
    colon_key = rf'"{STRING}:"\s*:'
    # Each character is a level of the expression, and engines have a limit of levels.
    short = [field for field in fields if len(field) <= _LONGEST_NAME]
    outside_style = rf"^\s*\{{[^{{]*{colon_key}|\}}\s*,(?s:.*){colon_key}"
    return rf'[{{,]\s*"{_none_of(short)}|{outside_style}'


def _none_of(words: Sequence[str]) -> str:
    heads: dict[str, list[str]] = {}
    for word in words:
        if word:
            heads.setdefault(word[0], []).append(word[1:])
    known = "".join(re.escape(head) for head in heads)
    ends_otherwise = rf'{STRING}(?:[^":\\]|\\.)"\s*:'
    branches = [rf'(?:[^"\\{known}]|\\.){ends_otherwise}', rf'(?:[^"\\:{known}]|\\.)"\s*:']
    if "" not in words:
        branches.append(r'"\s*:')
    branches += [re.escape(head) + _none_of(rest) for head, rest in heads.items()]
    return f"(?:{'|'.join(branches)})"


def structured(raw: Column, fields: Sequence[str]) -> Column:
    """Return True if one of these text fields holds an array or an object instead."""
    return raw.rlike(rf'[{{,]\s*"(?:{"|".join(map(re.escape, fields))})"\s*:\s*[\[{{]')


def why_unreadable(raw: Column, encoding: Column) -> Column:
    """Return the reason why a line is not a JSON object, null if it is one."""
    text = trimmed(raw)
    values = values_of(readable(text), "string")
    is_json = F.coalesce(F.size(values), F.lit(0)) == 1
    return (
        F.when(encoding != "utf-8", "not_utf8")
        .when(F.octet_length(raw) > MAX_LINE_BYTES, "too_large")
        .when(~is_json, "not_json")
        .when(~text.startswith("{"), "not_an_object")
    )


def fingerprint(values: Sequence[Column]) -> Column:
    """Return a 128-bit hash of texts as 32 hex digits: the first half of SHA-256.

    The length precedes each value and null differs from '', so different lists of values never
    give the same text.
    """
    parts = [
        F.coalesce(F.concat(F.length(value).cast("string"), F.lit(":"), value), F.lit("-"))
        for value in values
    ]
    return F.substring(F.sha2(F.concat(*parts), 256), 1, 32)


def repeated_lines(rows: DataFrame, key: str, *, across: bool = False) -> DataFrame:
    """Return id and origin of the rows that repeat the `key` of an earlier row.

    The earlier row is of the same partition or, with `across`, of any. Rows are ordered by
    partition, file, line and record of an event. Only keys that occur again are sorted, which
    needs little memory.
    """
    group = ["id"] if across else ["partition", "id"]
    narrow = rows.select(F.col(key).alias("id"), *ORIGIN)
    times = narrow.groupBy(*group).agg(F.count(F.lit(1)).alias("times"))
    repeated = times.where(F.col("times") > 1).select(*group)
    # Records of a batch, hub/partition#record, are in the order of their events and numbers.
    place = [F.substring_index("file", "#", 1), F.col("line"), F.length("file"), F.col("file")]
    order = Window.partitionBy(*group).orderBy("partition", *place)
    copies = narrow.join(repeated, on=group, how="left_semi")
    return (
        copies.select("*", F.row_number().over(order).alias("place"))
        .where(F.col("place") > 1)
        .drop("place")
    )
