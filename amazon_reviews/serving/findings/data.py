"""Findings on the data: what is missing, repeated, rejected or not up to date."""

from collections import Counter
from typing import Any

from amazon_reviews.serving.findings.finding import Finding, Reader
from amazon_reviews.serving.findings.wording import number_of, shortened
from amazon_reviews.serving.queries import catalogue, coverage, pipeline, reviews, sentiment
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.shown_numbers import percent

# A smaller gap does not change the two or three digits that pages show of a figure.
_LEAST_SHARE = 0.01
_REASONS = {
    "not_json": "no JSON",
    "not_utf8": "no UTF-8",
    "not_an_object": "no JSON object",
    "missing_field": "a required field is missing",
    "wrong_type": "a field has the wrong type",
    "out_of_range": "a value is out of range",
    "too_large": "too large",
}


def unbalanced(read: Reader, filters: Filters) -> list[Finding]:
    """Return the partitions that lost lines; none if categories are chosen."""
    if filters.main_categories:
        return []
    rows = [
        row | {"accounted": row["kept"] + row["duplicates"] + row["rejected"]}
        for row in read(pipeline.reconciliation).to_pylist()
        if not row["balanced"]
    ]
    # A partition without any outcome had not been built when the reconciliation was.
    rows = [row for row in rows if row["accounted"]]
    if not rows:
        return []
    row = rows[0]
    name = f"{shortened(row['partition'])} of {row['layer']}/{row['table']}"
    which = (
        f"{name} is not balanced"
        if len(rows) == 1
        else f"{len(rows):,} partitions are not balanced, such as {name}"
    )
    text = (
        f"{which}: of {number_of(row['lines'], 'line')}, {row['accounted']:,} were kept, "
        "duplicates or rejected."
    )
    return [Finding("data", text, "quality", {"quality_tab": "Reconciliation"})]


def products_without_data(read: Reader, filters: Filters) -> list[Finding]:
    """Return the reviews whose product is in no file of products."""
    (row,) = read(coverage.described_products, filters).to_pylist()
    without = row["reviews"] - row["described_reviews"]
    if not without:
        return []
    share = without / row["reviews"]
    products = number_of(row["products"] - row["described_products"], "product")
    text = (
        f"{percent(share)} of the reviews have no product data ({without:,} of "
        f"{row['reviews']:,}): category, brand and price of their {products} are unknown."
    )
    return [_gap(text, share, "categories", {"categories_tab": "Reviews"})]


def imputed_prices(read: Reader, filters: Filters) -> list[Finding]:
    """Return the products without a listed price."""
    rows = read(catalogue.category_products, filters).to_pylist()
    products, priced = (sum(row[name] for row in rows) for name in ("products", "priced"))
    if products == priced:
        return []
    share = 1 - priced / products
    text = (
        f"{percent(share)} of the products have no listed price ({products - priced:,} of "
        f"{products:,}): a mean price takes its place."
    )
    return [_gap(text, share, "categories", {"categories_tab": "Prices"})]


def duplicates(read: Reader, filters: Filters) -> list[Finding]:
    """Return the partition with the largest share of duplicates; none if categories are chosen."""
    if filters.main_categories:
        return []
    rows = [row for row in _silver(read) if row["duplicates"]]
    if not rows:
        return []
    row = max(rows, key=lambda row: row["duplicate_share"])
    share = row["duplicate_share"]
    text = (
        f"{percent(share)} of the lines of {shortened(row['partition'])} of {row['table']} repeat "
        f"another one ({row['duplicates']:,} of {row['lines']:,}), the largest share of all "
        "partitions."
    )
    return [_gap(text, share, "quality", {"quality_tab": "Reconciliation"})]


def rejected(read: Reader, filters: Filters) -> list[Finding]:
    """Return the share of rejected lines; none if categories are chosen."""
    if filters.main_categories:
        return []
    rows = _silver(read)
    lines, lost = (sum(row[name] for row in rows) for name in ("lines", "rejected"))
    reasons: Counter[str] = Counter()
    for row in read(pipeline.rejected).to_pylist():
        reasons[row["reason"]] += row["lines"]
    if not lost or not reasons:
        return []
    ((reason, number),) = reasons.most_common(1)
    text = (
        f"{lost:,} of {number_of(lines, 'line')} ({percent(lost / lines)}) "
        f"{'was' if lost == 1 else 'were'} rejected. The most frequent reason: "
        f"{_REASONS.get(reason, reason)} ({number:,})."
    )
    return [_gap(text, lost / lines, "quality", {"quality_tab": "Rejected lines"})]


def texts_without_prediction(read: Reader, filters: Filters) -> list[Finding]:
    """Return the reviews that came after the newest predictions."""
    rows = read(reviews.summed, filters).to_pylist()
    number = rows[0]["reviews"] if rows else 0
    (row,) = read(sentiment.summed, filters).to_pylist()
    without = number - row["reviews"]
    if without <= 0:
        return []
    text = (
        f"Figures on texts cover {row['reviews']:,} of {number_of(number, 'review')}: "
        f"{without:,} {'has' if without == 1 else 'have'} no prediction yet."
    )
    return [_gap(text, without / number, "sentiment", {"sentiment_tab": "Categories"})]


def _silver(read: Reader) -> list[dict[str, Any]]:
    """Return the reconciliation of the layer that de-duplicates and rejects lines."""
    rows = read(pipeline.reconciliation).to_pylist()
    return [row for row in rows if row["layer"] == "silver"]


def _gap(text: str, share: float, page: str, parameters: dict[str, str]) -> Finding:
    return Finding("data", text, page, parameters, stands_out=share >= _LEAST_SHARE)
