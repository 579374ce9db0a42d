"""The profile amazon_2018: the lines of the generator, unchanged."""

import hashlib
import random

from amazon_reviews.devtools.sample_data import defects
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.profiles.records import Records, ReviewRecords


class Reviews2018(ReviewRecords):
    """Reviews of amazon_2018, with all rejection reasons."""

    def file_names(self, partition: int) -> list[str]:
        """Return the names of the files of a partition with a number from 1."""
        return _part_names(self._options, "amazon_reviews", partition)

    def record(self, line: str) -> str:
        """Return the line."""
        return line

    def rejected(self, line: str, number: int, rng: random.Random) -> tuple[str, str]:
        """Return a rejection reason, and a line that must be rejected for it."""
        return defects.rejected_review(line, number, rng)

    def is_same(self, line: str) -> bool:
        """Return True."""
        return True


class Products2018(Records):
    """Products of amazon_2018."""

    def file_names(self, partition: int) -> list[str]:
        """Return the names of the files of a partition with a number from 1."""
        return _part_names(self._options, "amazon_metadata", partition)

    def record(self, line: str) -> str:
        """Return the line."""
        return line

    def rejected(self, line: str, number: int, rng: random.Random) -> tuple[str, str]:
        """Return a rejection reason, and a line that must be rejected for it."""
        reason = defects.PRODUCT_REASONS[number % len(defects.PRODUCT_REASONS)]
        return reason, defects.invalid_product(line, reason, rng)


def _part_names(options: SampleOptions, folder: str, partition: int) -> list[str]:
    """Return names such as `part-00000-<hex>-c000.json.gz`, like the files of a cluster."""
    suffix = "json.gz" if options.compress else "json"
    names = []
    for number in range(options.files_per_partition):
        words = f"{options.seed}/{folder}/{partition}/{number}".encode()
        code = hashlib.blake2b(words, digest_size=16).hexdigest()
        names.append(f"part-{number:05d}-{code}-c000.{suffix}")
    return names
