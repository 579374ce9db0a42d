"""Names of products, as pages, charts and commands show them."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from amazon_reviews.schemas.vocabulary import UNKNOWN


def product_name(product: Mapping[str, Any]) -> str:
    """Return the title of a product, or else its brand; Unknown without both.

    Several products may have the same name; see `product_label`.
    """
    return next(iter(_known(product)), UNKNOWN)


def product_label(product: Mapping[str, Any]) -> str:
    """Return the title and the brand of a product, as far as they are known, and its asin."""
    return " · ".join([*(_known(product) or [UNKNOWN]), product["asin"]])


def with_product_names(rows: pa.Table) -> pa.Table:
    """Return rows of products with their names as the column `product`, not with their titles."""
    names = pa.array([product_name(row) for row in rows.to_pylist()], pa.string())
    return rows.set_column(rows.column_names.index("title"), "product", names)


def _known(product: Mapping[str, Any]) -> list[str]:
    names = (product.get("title"), product.get("brand"))
    return [name for name in names if name and name != UNKNOWN]
