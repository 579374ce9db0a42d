"""Cursors of sensors that are too long for the table of ticks.

The UI shows the cursor with each tick, and Dagster stores it with each tick. So a long text goes to
the key-value store of the instance, and the cursor has its digest. Two places take turns: a tick
that is lost after it has stored its text leaves the text of the cursor before it as it is.
"""

import hashlib
from typing import Any

import dagster as dg

_LONGEST = 500
_DIGEST = 16
_MARK = "@"


def expanded(context: dg.SensorEvaluationContext) -> str:
    """Return the cursor of a tick, as the tick before has given it to `folded`.

    It is empty if the store has lost the text: the sensor then asks again for what is pending.
    """
    cursor = context.cursor or ""
    if not cursor.startswith(_MARK):
        return cursor
    key = _key(context, cursor[1])
    text = str(_store(context).get_cursor_values({key}).get(key, ""))
    return text if _digest(text) == cursor[2:] else ""


def folded(context: dg.SensorEvaluationContext, cursor: str) -> str:
    """Return the cursor for the next tick, which is short."""
    before = context.cursor or ""
    if len(cursor) <= _LONGEST:
        return cursor
    if before.startswith(_MARK) and before[2:] == _digest(cursor):
        return before
    place = "1" if before.startswith(f"{_MARK}0") else "0"
    _store(context).set_cursor_values({_key(context, place): cursor})
    return f"{_MARK}{place}{_digest(cursor)}"


def _store(context: dg.SensorEvaluationContext) -> Any:
    return context.instance.daemon_cursor_storage


def _key(context: dg.SensorEvaluationContext, place: str) -> str:
    return f"amazon_reviews/{context.sensor_name}/{place}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
