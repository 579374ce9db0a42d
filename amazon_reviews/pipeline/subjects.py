"""The two subjects that arrive as files: reviews and products."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame

from amazon_reviews.transforms import product_lines, products, reviews


@dataclass(frozen=True)
class Subject:
    """How a dataset of the landing zone becomes a silver table.

    `dataset` is its folder, `identity` the silver column that tells rows of a partition apart,
    `fields` the source fields that are known; `type_lines` and `clean` are the transforms.
    """

    noun: str
    dataset: str
    identity: str
    fields: tuple[str, ...]
    type_lines: Callable[[DataFrame], DataFrame]
    clean: Callable[[DataFrame], DataFrame]

    @property
    def bronze(self) -> str:
        """Key of the bronze table."""
        return f"bronze/{self.noun}"

    @property
    def silver(self) -> str:
        """Key of the silver table."""
        return f"silver/{self.noun}"

    def fingerprint_mark(self, partition: str) -> str:
        """Application id under which bronze records the fingerprint of what was read."""
        return f"{self.dataset}/{partition}/fingerprint"


REVIEWS = Subject(
    noun="reviews",
    dataset="amazon_reviews",
    identity="review_id",
    fields=reviews.FIELDS,
    type_lines=reviews.type_reviews,
    clean=reviews.clean_reviews,
)
PRODUCTS = Subject(
    noun="products",
    dataset="amazon_metadata",
    identity="line_id",
    fields=products.FIELDS,
    type_lines=product_lines.type_products,
    clean=product_lines.silver_products,
)
SUBJECTS = (REVIEWS, PRODUCTS)
