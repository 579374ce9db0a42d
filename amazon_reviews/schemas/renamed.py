"""Tables that an earlier release stored under another key."""

RENAMED_TABLES = {
    "gold/pipeline_books": "gold/pipeline_reconciliation",
    "partials/product_days": "gold/product_months",
    "scratch/duplicates": "scratch/lost_reviews",
}
"""The new key of each old one. `doctor` reports an old table, and `maintain` removes it."""
