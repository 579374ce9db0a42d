"""From source lines to records: parse JSON, keep unknown fields, name what is wrong.

Both engines turn a bad line into a record that is null, so a line is refused when a field that it
must have is null; which of the closed list of reasons applies is decided afterwards, and only
for the lines that were not accepted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from amazon_reviews.transforms.strict_json import (
    STRING,
    SUSPECT,
    is_long,
    plain,
    readable,
    text_map,
    trimmed,
    value_of,
    values_of,
)

REFUSAL = ("raw", "encoding", "reason", "detail")
MAX_LINE_BYTES = 4 * 1024 * 1024
BOM = "\ufeff"


def event_lines(events: DataFrame) -> DataFrame:
    """Events as lines: raw, encoding, file (hub/partition), line (sequence number), partition.

    `events` are rows of bronze/review_events. The file of a record of a batch ends in # and the
    record's number. A byte order mark is no part of a line. Grain: one row per event or record.
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

    `bronze` has raw, encoding, file, line and partition; the result adds record (scalars as
    text, arrays and objects as JSON text; null where the line is not an object) and rescued
    (map of the unknown fields, null when there are none).
    """
    # One scan finds what is rare and costly.
    searched = F.col("raw").rlike(f"{unknown_field_pattern(fields)}|{SUSPECT}")
    suspected = F.when(is_long(F.col("raw")), True).otherwise(searched)
    is_text = (F.col("encoding") == "utf-8") & (F.octet_length("raw") <= MAX_LINE_BYTES)
    json = F.when(F.col("suspected"), readable(F.col("raw"))).otherwise(F.col("raw"))
    schema = ", ".join(f"`{field}`: string" for field in fields)
    return (
        bronze.select("*", suspected.alias("suspected"))
        .select("*", F.when(is_text, json).alias("json"))
        .select(
            *bronze.columns,
            value_of(F.col("json"), f"struct<{schema}>").alias("record"),
            _rescued(fields).alias("rescued"),
        )
    )


def _rescued(fields: Sequence[str]) -> Column:
    unknown = F.map_filter(text_map(F.col("json")), lambda name, _: ~name.isin(*fields))
    found = F.when(F.col("suspected"), unknown)
    texts = F.transform(F.map_values(found), _as_text)
    return F.when(F.size(found) > 0, F.map_from_arrays(F.map_keys(found), texts))


def _as_text(value: Column) -> Column:
    structured = value.startswith("{") | value.startswith("[")
    return F.when(structured, plain(value)).otherwise(value)


def unknown_field_pattern(fields: Sequence[str]) -> str:
    """A regular expression that finds a key of a JSON object that is none of `fields`.

    One scan, so that the costly second parse is left to the few lines that need it. It knows no
    nesting: keys of a nested object match too, but for those that end in a colon (the keys of
    `style`) and stand inside the first object.
    """
    colon_key = rf'"{STRING}:"\s*:'
    outside_style = rf"^\s*\{{[^{{]*{colon_key}|\}}\s*,(?s:.*){colon_key}"
    return rf'[{{,]\s*"{_none_of(fields)}|{outside_style}'


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
    """Whether one of these text fields holds an array or an object instead."""
    return raw.rlike(rf'[{{,]\s*"(?:{"|".join(fields)})"\s*:\s*[\[{{]')


def why_unreadable(raw: Column, encoding: Column) -> Column:
    """The reason why a line is no JSON object at all, null if it is one."""
    text = trimmed(raw)
    values = values_of(readable(text), "string")
    is_json = F.coalesce(F.size(values), F.lit(0)) == 1
    return (
        F.when(encoding != "utf-8", "not_utf8")
        .when(F.octet_length(raw) > MAX_LINE_BYTES, "too_large")
        .when(~is_json, "not_json")
        .when(~text.startswith("{"), "not_an_object")
    )


@dataclass(frozen=True)
class Rule:
    """A reason to refuse a record: when `broken` holds, with the field and its value to show."""

    reason: str
    field: str
    broken: Column
    value: Column


def any_broken(rules: Sequence[Rule]) -> Column:
    """Whether a rule is broken; one that cannot be judged (null) is not."""
    return reduce(or_, (F.coalesce(rule.broken, F.lit(False)) for rule in rules))


def refusal(
    rules: Sequence[Rule],
    refused: Column,
    unreadable: Column | None = None,
    unreadable_detail: Column | None = None,
) -> list[Column]:
    """The columns `REFUSAL` of a parsed line: the line itself, and what is wrong with it.

    `refused` is `any_broken(rules)` as a column that is there already: only for those lines
    the reason is looked for. `unreadable` is why a line has no fields at all, that of
    `why_unreadable` if none is given; its detail is `unreadable_detail`, or null, and then
    written with the row. All but encoding are null when the line is accepted.
    """
    raw, encoding = F.col("raw"), F.col("encoding")
    broken, detail = _first_broken(rules)
    unread = why_unreadable(raw, encoding) if unreadable is None else unreadable
    reason = F.coalesce(unread, broken)
    without_fields = F.lit(None).cast("string") if unreadable_detail is None else unreadable_detail
    detail = F.when(unread.isNull(), detail).otherwise(without_fields)
    return [
        F.when(refused, raw).alias("raw"),
        encoding,
        F.when(refused, reason).alias("reason"),
        F.when(refused, detail).alias("detail"),
    ]


def _first_broken(rules: Sequence[Rule]) -> tuple[Column, Column]:
    reason: Column = F.lit(None).cast("string")
    detail: Column = F.lit(None).cast("string")
    for rule in reversed(rules):
        shown = F.substring(F.coalesce(rule.value, F.lit("absent")), 1, 200)
        reason = F.when(rule.broken, rule.reason).otherwise(reason)
        detail = F.when(rule.broken, F.concat(F.lit(f"{rule.field}: "), shown)).otherwise(detail)
    return reason, detail


def fingerprint(values: Sequence[Column]) -> Column:
    """A 128-bit hash, 32 hex digits, of texts: SHA-256 cut in half.

    Every value is preceded by its length and null differs from '', so that no two lists of
    values are the same text.
    """
    parts = [
        F.coalesce(F.concat(F.length(value).cast("string"), F.lit(":"), value), F.lit("-"))
        for value in values
    ]
    return F.substring(F.sha2(F.concat(*parts), 256), 1, 32)


def repeated_lines(rows: DataFrame, key: str, *, across: bool = False) -> DataFrame:
    """The rows that repeat the `key` of one before them in their partition: id, partition, ….

    With `across`, of one before them in any partition. The first by partition, file and line (and
    record of an event) is none of them. Only keys that occur again are put in order.
    """
    same = ["id"] if across else ["partition", "id"]
    narrow = rows.select(F.col(key).alias("id"), "partition", "file", "line")
    times = narrow.groupBy(*same).agg(F.count(F.lit(1)).alias("times"))
    again = times.where(F.col("times") > 1).select(*same)
    # Records of a batch, hub/partition#record, come in the order of their events and numbers.
    place = [F.substring_index("file", "#", 1), F.col("line"), F.length("file"), F.col("file")]
    order = Window.partitionBy(*same).orderBy("partition", *place)
    copies = narrow.join(again, on=same, how="left_semi")
    return (
        copies.select("*", F.row_number().over(order).alias("place"))
        .where(F.col("place") > 1)
        .drop("place")
    )
