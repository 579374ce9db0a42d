"""Lakehouses up to gold, from a generated sample and from the source's own files."""

import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.pipeline.datasets import STREAM
from amazon_reviews.pipeline.gold import build_gold_reviews
from amazon_reviews.pipeline.silver import build_silver_stream
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import BATCH_ROWS, build_gold_all, hub_of
from amazon_reviews_tests.marts import random_gold
from amazon_reviews_tests.marts.building import put_gold

SMALL = SampleOptions(
    reviews=4_000, products=120, users=150, partitions=2, events=200, files_per_partition=1
)
REVIEWS = ("Gift_Cards_5", "Magazine_Subscriptions_5", "AMAZON_FASHION_5", "Appliances_5")
METADATA = (
    "meta_Gift_Cards.v1",
    "meta_Gift_Cards.v2",
    "meta_Magazine_Subscriptions.v1",
    "meta_Appliances.subset",
    "datathon_fashion",
)


@pytest.fixture(scope="session")
def sampled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lakehouse:
    """Return the lakehouse of a generated sample, files and stream."""
    folder = tmp_path_factory.mktemp("sampled")
    generate(SMALL, folder / "landing")
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    _build_gold(spark, folder, lakehouse)
    bodies = (folder / "landing" / "events" / "events.jsonl").read_bytes().splitlines()
    with EventHubEmulator({"reviews": 1}) as server:
        server.append("reviews", "0", *bodies)
        receive(hub_of(server), lakehouse)
    build_silver_stream(spark, lakehouse, BATCH_ROWS)
    list(build_gold_reviews(spark, lakehouse, [STREAM.partition], BATCH_ROWS))
    return lakehouse


@pytest.fixture(scope="session")
def real(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lakehouse:
    """Return the lakehouse of the four whole review files and their metadata."""
    data = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not data:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    folder = tmp_path_factory.mktemp("real")
    _lay_out(folder / "landing" / "amazon_reviews", Path(data) / "reviews", REVIEWS)
    _lay_out(folder / "landing" / "amazon_metadata", Path(data) / "metadata", METADATA)
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    _build_gold(spark, folder, lakehouse)
    return lakehouse


def _build_gold(spark: SparkSession, folder: Path, lakehouse: Lakehouse) -> None:
    build_gold_all(spark, LandingZone(location=str(folder / "landing")), lakehouse)


def _lay_out(dataset: Path, source: Path, names: Sequence[str]) -> None:
    for number, name in enumerate(names, start=1):
        partition = dataset / f"partition_{number}"
        partition.mkdir(parents=True)
        shutil.copy(source / f"{name}.json.gz", partition)


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Lakehouse:
    """Return a lakehouse of random gold in which every column takes every kind of value."""
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("crowded")))
    generator = random.Random(7)
    put_gold(lakehouse, random_gold.reviews(generator), random_gold.products(generator))
    return lakehouse
