"""Pending partitions: unread in the landing zone, or gone from it."""

from pathlib import Path

from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.landing import pending_partitions
from amazon_reviews_tests.helpers import upload

NAMES = ("partition_1", "partition_2", "partition_10")


def fingerprints(landing):
    partitions = landing.partitions("amazon_reviews")
    return {name: partition.fingerprint for name, partition in partitions.items()}


def test_new_partitions_are_unread_until_they_are_ingested(landing, lakehouse):
    for name in NAMES:
        upload(landing, "amazon_reviews", name, name)
    known = fingerprints(landing)

    assert pending_partitions(landing, lakehouse, REVIEWS, {}).unread == known
    ingest(landing, lakehouse, REVIEWS, "partition_2")

    assert list(pending_partitions(landing, lakehouse, REVIEWS, known).unread) == [
        "partition_1",
        "partition_10",
    ]
    assert pending_partitions(landing, lakehouse, PRODUCTS, {}).unread == {}


def test_partition_uploaded_again_is_unread_again(landing, lakehouse):
    upload(landing, "amazon_reviews", "partition_1", "one")
    ingest(landing, lakehouse, REVIEWS, "partition_1")
    known = fingerprints(landing)
    assert pending_partitions(landing, lakehouse, REVIEWS, known).unread == {}

    upload(landing, "amazon_reviews", "partition_1", "one", "two")

    assert pending_partitions(landing, lakehouse, REVIEWS, known).unread == fingerprints(landing)


def test_partition_without_landing_files_is_reported_and_keeps_its_rows(landing, lakehouse):
    file = upload(landing, "amazon_reviews", "partition_1", "one")
    ingest(landing, lakehouse, REVIEWS, "partition_1")
    known = fingerprints(landing)
    Path(file).unlink()

    pending = pending_partitions(landing, lakehouse, REVIEWS, known)

    assert (pending.unread, pending.disappeared) == ({}, ["partition_1"])
    assert lakehouse.delta("bronze/reviews").to_pyarrow_table().num_rows == 1
