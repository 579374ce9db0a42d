"""A sample with many defects, its valid reviews, and samples of the profiles."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews_tests.sample_data.counting import (
    Record,
    partition_lines,
    partitions,
    review_rejection,
)
from amazon_reviews_tests.sample_data.profile_samples import Sample


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Sample]:
    """A function that returns the sample of a profile."""
    return cache(lambda profile: Sample(tmp_path_factory.mktemp(profile), profile))


@pytest.fixture(scope="session")
def options() -> SampleOptions:
    return SampleOptions(
        reviews=9_000,
        products=400,
        users=600,
        partitions=12,
        events=600,
        seed=3,
        duplicates_within=0.03,
        duplicates_across=0.02,
        malformed=0.02,
        unknown_fields=0.01,
    )


@pytest.fixture(scope="session")
def sample(
    options: SampleOptions, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """The folder of a sample, and its truth."""
    out = tmp_path_factory.mktemp("sample")
    return out, generate(options, out)


@pytest.fixture(scope="session")
def reviews_by_partition(sample: tuple[Path, dict[str, Any]]) -> dict[str, list[Record]]:
    """The valid reviews of the files by partition, in order."""
    out, _ = sample
    return {
        partition.name: [
            json.loads(line) for line in partition_lines(partition) if not review_rejection(line)
        ]
        for partition in partitions(out / "amazon_reviews")
    }


@pytest.fixture(scope="session")
def reviews(reviews_by_partition: dict[str, list[Record]]) -> list[Record]:
    """The valid reviews of the files, in order."""
    return [review for part in reviews_by_partition.values() for review in part]
