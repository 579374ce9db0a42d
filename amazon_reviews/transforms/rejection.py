"""Rejection of records: rules, and the columns that say why a line cannot be used.

The reason is one of a closed list. It is derived only for lines that break a rule, because most
lines are accepted and the derivation is costly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.transforms.control_characters import (
    first_control,
    holds_control,
    without_control,
)
from amazon_reviews.transforms.csv_records import record_size, why_without_fields
from amazon_reviews.transforms.lines import MAX_LINE_BYTES, why_unreadable

_SHOWN = 64 * 1024

REJECTION_COLUMNS = ("raw", "encoding", "reason", "detail")


@dataclass(frozen=True)
class Rule:
    """A rule for records: `broken` rejects a record; field and value go into the detail."""

    reason: str
    field: str
    broken: Column
    value: Column


def id_rule(field: str, text: Column) -> Rule:
    """Return the rule that an id holds no control character: its detail names the first one."""
    return Rule("wrong_type", field, holds_control(text), first_control(text))


def any_broken(rules: Sequence[Rule]) -> Column:
    """Return True if a rule is broken; one that evaluates to null is not."""
    return reduce(or_, (F.coalesce(rule.broken, F.lit(False)) for rule in rules))


def rejection(rules: Sequence[Rule], is_rejected: Column) -> list[Column]:
    """Return the `REJECTION_COLUMNS` of a parsed line: the line itself, and its fault.

    `is_rejected` is `any_broken(rules)` as a column that exists already: the reason is derived
    only for those lines. The fault of a line without any fields comes first; the detail of one
    that is not a CSV record is null, to be written later. All columns but encoding are null for an
    accepted line.
    """
    raw, encoding, sizes = F.col("raw"), F.col("encoding"), F.col("sizes")
    broken, detail = _first_broken(rules)
    without_fields = F.when(sizes.isNull(), why_unreadable(raw, encoding)).otherwise(
        why_without_fields(raw, encoding, sizes)
    )
    detail = F.when(without_fields.isNull(), detail).otherwise(record_size(sizes))
    return [
        # One of millions of bytes is not of use to people, and many are too much for one answer.
        F.when(is_rejected & (F.octet_length(raw) > MAX_LINE_BYTES), F.substring(raw, 1, _SHOWN))
        .when(is_rejected, raw)
        .alias("raw"),
        encoding,
        F.when(is_rejected, F.coalesce(without_fields, broken)).alias("reason"),
        F.when(is_rejected, without_control(detail)).alias("detail"),
    ]


def _first_broken(rules: Sequence[Rule]) -> tuple[Column, Column]:
    # Not one condition within the other: the embedded engine would plan that for most of a second.
    reasons = (F.when(rule.broken, rule.reason) for rule in rules)
    details = (
        F.when(
            rule.broken,
            F.concat(
                F.lit(f"{rule.field}: "),
                F.substring(F.coalesce(rule.value, F.lit("absent")), 1, 200),
            ),
        )
        for rule in rules
    )
    return F.coalesce(*reasons), F.coalesce(*details)
