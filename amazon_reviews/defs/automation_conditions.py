"""Automation conditions: the changes above a table that request a run of it."""

import dagster as dg

_Condition = dg.AutomationCondition

# Not `since_last_handled()`, which forgets what is missing when the sensor first looks, and what
# changes above a table between the request of a run and its end.
_BY_AUTOMATION = _Condition.all_new_updates_have_run_tags(
    tag_keys={"dagster/from_automation_condition"}
)
_BY_HAND = _Condition.newly_updated() & ~_BY_AUTOMATION


def _unhandled(change: dg.AutomationCondition) -> dg.AutomationCondition:
    """Return the condition that a change has happened since the last run, requested or by hand."""
    return change.since(_BY_HAND | (_Condition.newly_requested() & ~change))


_CHANGED = _unhandled(_Condition.newly_missing() | _Condition.any_deps_updated())
_TIMES = "*/15 * * * *"
_DAILY = "0 3 * * *"
_STREAM = dg.AssetSelection.assets("silver/streamed_reviews")
_CHANGED_BUT_STREAM = _unhandled(
    _Condition.newly_missing() | _Condition.any_deps_updated().ignore(_STREAM)
)
_TABLE_CHANGED = _Condition.any_deps_updated().since(
    _Condition.newly_requested() | _Condition.newly_updated()
)
_FREE = ~_Condition.any_deps_in_progress() & ~_Condition.in_progress()
_UNBLOCKED = ~_Condition.any_deps_match(
    _Condition.any_checks_match(
        _Condition.check_failed() | _Condition.in_progress(), blocking_only=True
    )
)

FOLLOW_PARTITION = (
    _CHANGED_BUT_STREAM
    & ~_Condition.any_deps_missing().ignore(dg.AssetSelection.assets("gold/products") | _STREAM)
    & _FREE
    & _UNBLOCKED
).with_label("follow_partition")
"""A partition follows when its partitions above exist and one of them changed.

Reviews do not wait for products, which may never come. The stream is one partition of gold, which
the stream's own runs make. Below a failed blocking check it waits.
"""

FOLLOW_TABLES = (
    _CHANGED & _Condition.any_deps_match(~_Condition.missing()) & _FREE & _UNBLOCKED
).with_label("follow_tables")
"""A whole table follows when anything above it changed and something exists.

Below a failed blocking check it waits.
"""

FOLLOW_AT_TIMES = (
    FOLLOW_TABLES & (_Condition.missing() | _unhandled(_Condition.cron_tick_passed(_TIMES)))
).with_label("follow_at_times")
"""A whole table that follows every quarter of an hour at most.

While events stream in, the tables above it change every few seconds.
"""

FOLLOW_PARTITION_AT_TIMES = (
    FOLLOW_PARTITION & (_Condition.missing() | _unhandled(_Condition.cron_tick_passed(_TIMES)))
).with_label("follow_partition_at_times")
"""A partition that costs much follows those above it every quarter of an hour at most."""

FOLLOW_DAILY = (
    FOLLOW_TABLES & (_Condition.missing() | _unhandled(_Condition.cron_tick_passed(_DAILY)))
).with_label("follow_daily")
"""An asset that takes long and changes little, such as a model, follows once a day at most."""

FOLLOW_CHECKED = (_TABLE_CHANGED & _FREE).with_label("follow_checked")
"""A check follows its table; a blocking one holds back the tables below.

Without a condition Dagster leaves a check out where automation requests another check of the
same table in the same run, such as one that the table's own step evaluates.
"""
