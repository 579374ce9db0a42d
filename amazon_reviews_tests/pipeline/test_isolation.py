"""A partition that cannot be read or written fails alone, in every layer."""

import pytest

from amazon_reviews.errors import FailedPartitionsError, StorageError
from amazon_reviews.pipeline.bronze import ingest_each
from amazon_reviews.pipeline.datasets import REVIEWS
from amazon_reviews.pipeline.gold import build_gold_reviews
from amazon_reviews.pipeline.isolation import isolated
from amazon_reviews.pipeline.reconciliation import reconcile_all
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
    """Three partitions in gold: each has a review that is unique, and one that all have."""
    for name in NAMES:
        upload(landing, "amazon_reviews", name, review(), review(reviewText=name))
    build_gold_all(spark, landing, lakehouse)
    return lakehouse


def built_and_failed(generator):
    """Return the partitions that a generator yields, and the errors that it ends with."""
    built = []
    with pytest.raises(FailedPartitionsError) as error:
        built.extend(pair[0] for pair in generator)
    return built, error.value.errors


def test_full_folder_ends_the_build_of_the_other_partitions():
    calls = []

    def build(names):
        calls.append(list(names))
        if "b" in names:
            raise StorageError("it is full")
        return [(name, name) for name in names]

    with pytest.raises(FailedPartitionsError) as error:
        list(isolated([["a"], ["b", "c"], ["d", "e"], ["f"]], build))

    assert calls == [["a"], ["b", "c"], ["b"]]
    assert [*error.value.errors] == ["b", "c", "d", "e", "f"]
    assert str(error.value) == "b, c, d and 2 more: it is full"


def damage(lakehouse, key, partition=BAD):
    for file in files_of(lakehouse, key, partition):
        file.write_bytes(bytes(file.stat().st_size))


def remove(lakehouse, key, partition=BAD):
    for file in files_of(lakehouse, key, partition):
        file.unlink()


BREAKS = pytest.mark.parametrize("break_it", [damage, remove])


def test_partitions_of_a_failed_batch_are_built_one_by_one():
    calls = []

    def build(names):
        calls.append(list(names))
        if "b" in names:
            raise OSError("no")
        return [(name, name.upper()) for name in names]

    built = []
    with pytest.raises(FailedPartitionsError, match=r"^b: OSError: no$"):
        built.extend(isolated([["a", "b", "c"], ["d", "e"]], build))

    assert calls == [["a", "b", "c"], ["a"], ["b"], ["c"], ["d", "e"]]


def test_lost_engine_is_a_single_error():
    class Gone:
        def sql(self, text):
            raise ConnectionError("the engine is gone")

    def build(names):
        raise RuntimeError("no answer")

    with pytest.raises(ConnectionError, match="gone"):
        list(isolated([["a", "b"]], build, Gone()))


def test_partition_with_too_long_name_fails_alone_in_bronze(landing, lakehouse):
    # 250 bytes fit a folder of the landing zone, `partition=` before them no folder of a table.
    long = "partition_" + "x" * 240
    for name in (*GOOD, long):
        upload(landing, "amazon_reviews", name, review())

    built, errors = built_and_failed(
        ingest_each(landing, lakehouse, REVIEWS, ["partition_1", long, "partition_3"])
    )

    assert built == GOOD
    assert list(errors) == [long]
    assert "holds no file" in str(errors[long])


def test_partition_of_an_empty_file_fails_alone(landing, lakehouse):
    upload(landing, "amazon_reviews", "partition_1", review())
    upload_bytes(landing, "amazon_reviews", BAD, b"", "a.json")

    built, errors = built_and_failed(ingest_each(landing, lakehouse, REVIEWS, ["partition_1", BAD]))

    assert built == ["partition_1"]
    assert f"{BAD} holds no file" in str(errors[BAD])
    assert rows(lakehouse, "bronze/reviews", "partition") == [("partition_1",)]


def test_empty_file_beside_others_is_left_out_and_named(landing, lakehouse):
    upload(landing, "amazon_reviews", "partition_1", review())
    upload_bytes(landing, "amazon_reviews", "partition_1", b"", "b.json")

    (built,) = ingest_each(landing, lakehouse, REVIEWS, ["partition_1"])

    assert built[1].lines == 1
    (line,) = landing.listing("amazon_reviews").unmatched.lines()
    assert "b.json" in line
    assert "empty file" in line


@BREAKS
def test_unreadable_bronze_fails_only_its_partition_in_silver(spark, brought, break_it):
    before = content(brought, "silver/reviews")
    break_it(brought, "bronze/reviews")

    built, errors = built_and_failed(build_silver(spark, brought, REVIEWS, NAMES, BATCH_ROWS))

    assert built == GOOD
    assert list(errors) == [BAD]
    assert content(brought, "silver/reviews") == before


@BREAKS
def test_unreadable_silver_fails_only_its_partition_in_gold(spark, landing, brought, break_it):
    upload(landing, "amazon_reviews", "partition_3", review(), review(reviewText="new"))
    ingest_all(landing, brought, REVIEWS)
    list(build_silver(spark, brought, REVIEWS, ["partition_3"], BATCH_ROWS))
    break_it(brought, "silver/reviews")

    built, errors = built_and_failed(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    assert built == GOOD
    assert list(errors) == [BAD]
    # The failed partition keeps its rows; the common review stays in the first partition.
    assert rows(brought, "gold/reviews", "partition", "review_text") == [
        ("partition_1", "It works well."),
        ("partition_1", "partition_1"),
        (BAD, BAD),
        ("partition_3", "new"),
    ]
    assert all(row.balanced for row in reconcile_all(brought))


@BREAKS
def test_unreadable_partition_keeps_its_rows_in_gold(spark, landing, brought, break_it):
    break_it(brought, "silver/reviews", "partition_1")

    built, errors = built_and_failed(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    assert (built, list(errors)) == ([BAD, "partition_3"], ["partition_1"])
    assert len(rows(brought, "gold/reviews", "review_id")) == 4
    assert rows(brought, "gold/duplicates", "partition", "kept_in") == [
        (BAD, "partition_1"),
        ("partition_3", "partition_1"),
    ]


def test_gold_is_complete_again_when_silver_is(spark, landing, brought):
    whole = {key: content(brought, key) for key in ("gold/reviews", "gold/duplicates")}
    damage(brought, "silver/reviews")
    built_and_failed(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    build_silver_all(spark, landing, brought, REVIEWS)
    list(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    assert {key: content(brought, key) for key in whole} == whole


def test_partition_not_written_to_gold_keeps_its_duplicates(spark, landing, brought, monkeypatch):
    before = {key: content(brought, key) for key in ("gold/reviews", "gold/duplicates")}
    for name in NAMES:
        upload(landing, "amazon_reviews", name, review(reviewText="other"))
    build_silver_all(spark, landing, brought, REVIEWS)
    write = type(brought).write

    def full(self, frame, key, **options):
        if key == "gold/reviews" and BAD in options["replacing"]["partition"]:
            raise OSError(28, "No space left on device")
        write(self, frame, key, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(brought), "write", full)
        built, errors = built_and_failed(build_gold_reviews(spark, brought, NAMES, BATCH_ROWS))

    assert (built, list(errors)) == (GOOD, [BAD])
    unbalanced = [row for row in reconcile_all(brought) if not row.balanced]
    assert {row.partition for row in unbalanced} <= {BAD}
    assert ("partition_2", "partition_2") in rows(
        brought, "gold/reviews", "partition", "review_text"
    )
    assert before != {key: content(brought, key) for key in before}

    list(build_gold_reviews(spark, brought, [BAD], BATCH_ROWS))

    assert rows(brought, "gold/reviews", "partition", "review_text") == [("partition_1", "other")]
    assert all(row.balanced for row in reconcile_all(brought))
