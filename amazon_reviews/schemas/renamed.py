"""Tables that an earlier release stored under another key."""

RENAMED_TABLES = {"gold/pipeline_books": "gold/pipeline_reconciliation"}
"""The new key of each old one. `doctor` reports an old table, and `maintain` removes it."""
