"""Samples of the profiles, read with plain readers."""

import json
from pathlib import Path
from typing import Any

from amazon_reviews.devtools.sample_data import PROFILES, SampleOptions, generate
from amazon_reviews_tests.sample_data.counting import partition_lines, partitions, review_rejection
from amazon_reviews_tests.sample_data.plain_readers import (
    FIELDS,
    Record,
    read_products,
    read_reviews,
)

OTHERS = PROFILES[1:]
JSON_LINES = ("amazon_2014", "amazon_2023", "marc", "yelp")
SAME_IDS = ("amazon_2014", "amazon_2023", "fine_food", "fine_food_snap")
CATALOGUES = ("amazon_2014", "amazon_2023")
OPTIONS: dict[str, Any] = {
    "reviews": 2_400,
    "products": 200,
    "users": 150,
    "partitions": 5,
    "events": 300,
    "titles": 20,
    "title_ratings": 60,
    "seed": 5,
    "duplicates_within": 0.03,
    "duplicates_across": 0.03,
    "malformed": 0.04,
    "unknown_fields": 0.01,
}


class Sample:
    """The folder of a sample, its truth, and its valid reviews in order."""

    def __init__(self, folder: Path, profile: str) -> None:
        self.folder = folder
        self.truth = generate(SampleOptions(**OPTIONS, profile=profile), folder)
        self.partitions = {
            partition.name: self._read(profile, partition)
            for partition in partitions(folder / "amazon_reviews")
        }
        records = [record for part in self.partitions.values() for record in part]
        self.reviews = [record for record in records if not isinstance(record, str)]

    def _read(self, profile: str, partition: Path) -> list[Record | str]:
        if profile in FIELDS:
            return read_reviews(profile, partition)
        return [review_rejection(line) or json.loads(line) for line in partition_lines(partition)]

    def products(self) -> list[Record]:
        """Return the valid rows of the metadata."""
        return [
            product
            for partition in partitions(self.folder / "amazon_metadata")
            for product in read_products(self.truth["options"]["profile"], partition)
            if not isinstance(product, str)
        ]
