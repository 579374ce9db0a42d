"""A partition that cannot be read or written fails alone, in every layer."""

from pathlib import Path

import pytest

from amazon_reviews.errors import FailedPartitionsError
from amazon_reviews.pipeline.bronze import ingest_each
from amazon_reviews.pipeline.column_profile import count_columns
from amazon_reviews.pipeline.datasets import REVIEWS
from amazon_reviews.pipeline.gold import build_gold_reviews
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.reconciliation import all_accounts
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews_tests.helpers import (
    BATCH_ROWS,
    build_gold_all,
    build_silver_all,
    content,
    files_of,
    ingest_all,
    review,
    rows,
    upload,
    upload_bytes,
)

NAMES = ["partition_1", "partition_2", "partition_3"]
BAD = "partition_2"
GOOD = ["partition_1", "partition_3"]


@pytest.fixture
def brought(spark, landing, lakehouse):
    """Three partitions up to gold: each its own review, and one that all of them have."""
    for name in NAMES:
        upload(landing, "amazon_reviews", name, review(), review(reviewText=name))
    build_gold_all(spark, landing, lakehouse)
    return lakehouse


def made_and_failed(generator):
    """The partitions that a generator yields, and the errors that it ends with."""
    made = []
    with pytest.raises(FailedPartitionsError) as error:
        made.extend(pair[0] for pair in generator)
    return made, error.value.errors


def damage(lakehouse, key, partition=BAD):
    for file in files_of(lakehouse, key, partition):
        file.write_bytes(bytes(file.stat().st_size))


def remove(lakehouse, key, partition=BAD):
    for file in files_of(lakehouse, key, partition):
        file.unlink()


BREAKS = pytest.mark.parametrize("break_it", [damage, remove])


def test_of_a_batch_that_fails_each_partition_is_made_alone():
    calls = []

    def make(names):
        calls.append(list(names))
        if "b" in names:
            raise OSError("no")
        return [(name, name.upper()) for name in names]

    made = []
    with pytest.raises(FailedPartitionsError, match=r"^b: OSError: no$"):
        made.extend(isolated([["a", "b", "c"], ["d", "e"]], make))

    assert calls == [["a", "b", "c"], ["a"], ["b"], ["c"], ["d", "e"]]


def test_an_engine_that_is_gone_is_one_error():
    class Gone:
        def sql(self, text):
            raise ConnectionError("the engine is gone")

    def make(names):
        raise RuntimeError("no answer")

    with pytest.raises(ConnectionError, match="gone"):
        list(isolated([["a", "b"]], make, Gone()))


def test_a_name_too_long_for_the_tables_fails_in_bronze_alone(landing, lakehouse):
    # 250 bytes fit a folder of the landing zone, `partition=` before them no folder of a table.
    long = "partition_" + "x" * 240
    for name in (*GOOD, long):
        upload(landing, "amazon_reviews", name, review())

    made, errors = made_and_failed(
        ingest_each(landing, lakehouse, REVIEWS, ["partition_1", long, "partition_3"])
    )

    assert made == GOOD
    assert list(errors) == [long]
    assert "too long" in str(errors[long])


@pytest.mark.parametrize("file", ["a.json.gz", "b.json.gz"])
def test_a_gzip_file_without_a_byte_is_broken(landing, lakehouse, file):
    upload(landing, "amazon_reviews", "partition_1", review())
    upload(landing, "amazon_reviews", BAD, review(), file="a.json.gz")
    Path(landing.location, "amazon_reviews", BAD, file).write_bytes(b"")

    made, errors = made_and_failed(ingest_each(landing, lakehouse, REVIEWS, ["partition_1", BAD]))

    assert made == ["partition_1"]
    assert f"{BAD}/{file} is empty" in str(errors[BAD])
    assert rows(lakehouse, "bronze/reviews", "partition") == [("partition_1",)]


def test_a_plain_file_without_a_byte_has_no_lines(landing, lakehouse):
    upload_bytes(landing, "amazon_reviews", "partition_1", b"", "a.json")

    (made,) = ingest_each(landing, lakehouse, REVIEWS, ["partition_1"])

    assert made[1].lines == 0


@BREAKS
def test_bronze_that_cannot_be_read_fails_silver_of_that_partition(spark, brought, break_it):
    before = content(brought, "silver/reviews")
    break_it(brought, "bronze/reviews")

    made, errors = made_and_failed(build_silver(spark, brought, REVIEWS, NAMES, BATCH_ROWS))
    counted, uncounted = made_and_failed(count_columns(spark, brought, REVIEWS, NAMES, BATCH_ROWS))

    assert made == counted == GOOD
    assert list(errors) == list(uncounted) == [BAD]
    assert content(brought, "silver/reviews") == before


@BREAKS
def test_silver_that_cannot_be_read_fails_gold_of_that_partition(spark, landing, brought, break_it):
    upload(landing, "amazon_reviews", "partition_3", review(), review(reviewText="new"))
    ingest_all(landing, brought, REVIEWS)
    list(build_silver(spark, brought, REVIEWS, ["partition_3"], BATCH_ROWS))
    break_it(brought, "silver/reviews")

    made, errors = made_and_failed(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    assert made == GOOD
    assert list(errors) == [BAD]
    # The rows of the partition that failed are as they were; the review of all stays in the first.
    assert rows(brought, "gold/reviews", "partition", "review_text") == [
        ("partition_1", "It works well."),
        ("partition_1", "partition_1"),
        (BAD, BAD),
        ("partition_3", "new"),
    ]
    assert all(account.balanced for account in all_accounts(brought))


@BREAKS
def test_a_winner_that_cannot_be_read_keeps_its_rows(spark, landing, brought, break_it):
    break_it(brought, "silver/reviews", "partition_1")

    made, errors = made_and_failed(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    assert (made, list(errors)) == ([BAD, "partition_3"], ["partition_1"])
    assert len(rows(brought, "gold/reviews", "review_id")) == 4
    assert rows(brought, "gold/duplicates", "partition", "kept_in") == [
        (BAD, "partition_1"),
        ("partition_3", "partition_1"),
    ]


def test_gold_is_whole_again_when_silver_is(spark, landing, brought):
    whole = {key: content(brought, key) for key in ("gold/reviews", "gold/duplicates")}
    damage(brought, "silver/reviews")
    made_and_failed(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    build_silver_all(spark, landing, brought, REVIEWS)
    list(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    assert {key: content(brought, key) for key in whole} == whole


def test_what_cannot_be_written_to_gold_keeps_its_duplicates(spark, landing, brought, monkeypatch):
    before = {key: content(brought, key) for key in ("gold/reviews", "gold/duplicates")}
    for name in NAMES:
        upload(landing, "amazon_reviews", name, review(reviewText="other"))
    build_silver_all(spark, landing, brought, REVIEWS)
    replace = type(brought).replace

    def full(self, frame, key, keys, *rest):
        if key == "gold/reviews" and BAD in keys["partition"]:
            raise OSError(28, "No space left on device")
        replace(self, frame, key, keys, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(type(brought), "replace", full)
        made, errors = made_and_failed(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    assert (made, list(errors)) == (GOOD, [BAD])
    off = [account for account in all_accounts(brought) if not account.balanced]
    assert {account.partition for account in off} <= {BAD}
    assert ("partition_2", "partition_2") in rows(
        brought, "gold/reviews", "partition", "review_text"
    )
    assert before != {key: content(brought, key) for key in before}

    list(build_gold_reviews(spark, brought, [BAD], BATCH_ROWS))

    assert rows(brought, "gold/reviews", "partition", "review_text") == [("partition_1", "other")]
    assert all(account.balanced for account in all_accounts(brought))
