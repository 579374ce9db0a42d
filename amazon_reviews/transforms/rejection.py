"""Rejection of records: rules, and the columns that say why a line cannot be used.

The reason is one of a closed list. It is derived only for lines that break a rule, because most
lines are accepted and the derivation is costly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
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


def judged(parsed: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """Return parsed lines with the `REJECTION_COLUMNS`: the line itself, and its fault.

    `parsed` has the columns of `parse_lines` or `parse_records`, and those that the rules use. The
    fault of a line without any fields comes first; the detail of one that is not a CSV record is
    null, to be written later. All columns but encoding are null for an accepted line. A rule that
    evaluates to null is not broken.
    """
    raw, encoding, sizes = F.col("raw"), F.col("encoding"), F.col("sizes")
    is_rejected, fault = F.col("is_rejected"), F.col("fault")
    any_broken = reduce(or_, (F.coalesce(rule.broken, F.lit(False)) for rule in rules))
    without_fields = F.when(sizes.isNull(), why_unreadable(raw, encoding)).otherwise(
        why_without_fields(raw, encoding, sizes)
    )
    reason, detail = _first_broken(rules)
    # Each step is a column of its own: the embedded engine would compute it for each of its uses.
    marked = parsed.select("*", any_broken.alias("is_rejected"))
    unreadable = is_rejected & F.col("missing").isNull()
    faults = marked.select("*", F.when(unreadable, without_fields).alias("fault"))
    detail = F.when(is_rejected & fault.isNull(), detail).when(is_rejected, record_size(sizes))
    # One of millions of bytes is not of use to people, and many are too much for one answer.
    is_long = is_rejected & (F.octet_length(raw) > MAX_LINE_BYTES)
    return faults.withColumns(
        {
            "raw": F.when(is_long, F.substring(raw, 1, _SHOWN)).when(is_rejected, raw),
            "reason": F.when(is_rejected, F.coalesce(fault, reason)),
            "detail": without_control(detail),
        }
    )


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
