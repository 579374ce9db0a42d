"""Dagster's events and errors without secrets and control characters, as it stores and shows them.

An event holds messages, metadata, and the traceback of a foreign error with all its causes.
"""

import json
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

import dagster as dg

from amazon_reviews.errors import BuildError, one_line
from amazon_reviews.redaction import redacted
from amazon_reviews.shown_text import printable_text

# In JSON, as it is or escaped; an escape of another character costs time only.
_CONTROL = re.compile(
    r"\\[bf]|\\u(?:00[01789]|20[26])|[\x7f-\x9f\u202a-\u202e\u2066-\u2069]", re.IGNORECASE
)
# Names, which other entries of the storage refer to.
_NAMES = frozenset(
    "path partition partition_key run_id job_name step_key op_name node_name name tags".split()
)


@cache
def redact_events() -> None:
    """Redact every event that this process stores in a Dagster instance from now on."""
    store = dg.DagsterInstance.handle_new_event

    @wraps(store)
    def handle_new_event(
        self: dg.DagsterInstance, event: dg.EventLogEntry, *arguments: Any, **options: Any
    ) -> None:
        store(self, redacted_event(event), *arguments, **options)

    dg.DagsterInstance.handle_new_event = handle_new_event  # type: ignore[method-assign, assignment]


def redacted_event(event: dg.EventLogEntry) -> dg.EventLogEntry:
    """Return the event without secrets, control characters escaped; names stay as they are."""
    text = dg.serialize_value(event)
    if redacted(text) == text and not _CONTROL.search(text):
        return event
    return dg.deserialize_value(json.dumps(_safe_values(json.loads(text))), dg.EventLogEntry)


@contextmanager
def redacted_errors() -> Iterator[None]:
    """Raise an error whose traceback holds a secret as one without; a sensor's tick stores it."""
    try:
        yield
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        if redacted(trace) == trace:
            raise
        raise BuildError(one_line(error)) from None


def _safe_values(value: Any) -> Any:
    if isinstance(value, str):
        return printable_text(redacted(value))
    if isinstance(value, list):
        return [_safe_values(item) for item in value]
    if isinstance(value, dict):
        return {
            key: item if key in _NAMES or key.startswith("__") else _safe_values(item)
            for key, item in value.items()
        }
    return value
