"""What the landing zone holds that bronze has not read, and what bronze alone still holds."""

from pathlib import Path

from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.landing import arrivals
from amazon_reviews_tests.helpers import upload

NAMES = ("partition_1", "partition_2", "partition_10")


def fingerprints(landing):
    found = landing.partitions("amazon_reviews")
    return {name: partition.fingerprint for name, partition in found.items()}


def test_new_folders_are_unread_until_they_are_ingested(landing, lakehouse):
    for name in NAMES:
        upload(landing, "amazon_reviews", name, name)
    lying = fingerprints(landing)

    assert arrivals(landing, lakehouse, REVIEWS, {}).unread == lying
    ingest(landing, lakehouse, REVIEWS, "partition_2")

    assert list(arrivals(landing, lakehouse, REVIEWS, lying).unread) == [
        "partition_1",
        "partition_10",
    ]
    assert arrivals(landing, lakehouse, PRODUCTS, {}).unread == {}


def test_a_folder_uploaded_again_is_unread_again(landing, lakehouse):
    upload(landing, "amazon_reviews", "partition_1", "one")
    ingest(landing, lakehouse, REVIEWS, "partition_1")
    known = fingerprints(landing)
    assert arrivals(landing, lakehouse, REVIEWS, known).unread == {}

    upload(landing, "amazon_reviews", "partition_1", "one", "two")

    assert arrivals(landing, lakehouse, REVIEWS, known).unread == fingerprints(landing)


def test_a_folder_that_is_gone_is_reported_and_keeps_its_rows(landing, lakehouse):
    file = upload(landing, "amazon_reviews", "partition_1", "one")
    ingest(landing, lakehouse, REVIEWS, "partition_1")
    known = fingerprints(landing)
    Path(file).unlink()

    found = arrivals(landing, lakehouse, REVIEWS, known)

    assert (found.unread, found.disappeared) == ({}, ["partition_1"])
    assert lakehouse.delta("bronze/reviews").to_pyarrow_table().num_rows == 1
