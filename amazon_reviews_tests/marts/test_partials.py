"""Marts after updates: equal to those of a lakehouse that is built at once."""

import random
import shutil
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from amazon_reviews.pipeline import partials
from amazon_reviews.pipeline.marts import MARTS, MartBuilder
from amazon_reviews.pipeline.partials import (
    PARTIALS,
    current_partitions,
    refresh_partials,
    source_of,
)
from amazon_reviews.pipeline.state import owner_of
from amazon_reviews.resources.lakehouse.build_records import commit_of
from amazon_reviews.resources.lakehouse.log import input_id, version_id
from amazon_reviews.resources.lakehouse.maintenance import drop_table
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE, new_version
from amazon_reviews.schemas.layers import GOLD_DUPLICATES, GOLD_REVIEWS
from amazon_reviews.schemas.partials import MERGED
from amazon_reviews_tests.helpers import BATCH_ROWS
from amazon_reviews_tests.marts import random_gold
from amazon_reviews_tests.marts.building import _put, joined, product, review

MOST_ROWS = 300
PARTITIONS = ("partition_1", "partition_2", "partition_10", "stream", "stream-000002")
REVIEWS = GOLD_REVIEWS.key
SOME = (
    "gold/review_counts",
    "gold/customer_phrases",
    "gold/product_ratings",
    "gold/product_alerts",
    "gold/product_months",
)


def put(lakehouse, partition, rows):
    """Replace a partition of gold/reviews; a segment has its record in gold/duplicates."""
    for number, row in enumerate(rows):
        row |= {"partition": partition, "review_id": f"{partition} {number}"}
    arrow = pa.Table.from_pylist(rows, schema=GOLD_REVIEWS.arrow_schema)
    segment = partition.startswith("stream")
    name = "stream" if segment else partition
    replacing = {"partition": [partition]}
    lakehouse.write(arrow, REVIEWS, replacing=replacing, built={name: {}})
    if segment:
        nothing = GOLD_DUPLICATES.arrow_schema.empty_table()
        lakehouse.write(nothing, GOLD_DUPLICATES.key, built={partition: {}})


def build(spark, lakehouse, keys=()):
    builder = MartBuilder(spark, lakehouse, BATCH_ROWS)
    for mart in MARTS:
        if not keys or mart.key in keys:
            builder.build(mart)


def contents(lakehouse, keys=()):
    """Return the rows of marts by key, sorted; floats with all of their digits."""
    return {
        mart.key: sorted(map(repr, lakehouse.delta(mart.key).to_pyarrow_table().to_pylist()))
        for mart in MARTS
        if not keys or mart.key in keys
    }


def built_at_once(spark, lakehouse, folder, keys=()):
    """Return the contents of the marts of a new lakehouse with the same gold."""
    fresh = Lakehouse(location=str(folder))
    for key in (REVIEWS, "gold/products"):
        fresh.write(lakehouse.delta(key).to_pyarrow_table(), key, replacing=ALL_ROWS)
    build(spark, fresh, keys)
    return contents(fresh, keys)


def change(choose, lakehouse):
    """Add, replace, empty or remove a partition, or change the products."""
    partition = choose.choice(PARTITIONS)
    kind = choose.choice(["put", "put", "put", "empty", "products", "older"])
    if kind == "products":
        _put(lakehouse, "gold/products", random_gold.products(choose)[: choose.randrange(70)])
        return
    rows = [] if kind == "empty" else random_gold.reviews(choose)[: choose.randrange(MOST_ROWS)]
    if kind == "older":
        # The newest day of all may be an earlier one now, and other summaries the most used.
        rows = [
            row | {"reviewed_on": row["reviewed_on"] and row["reviewed_on"] - timedelta(days=900)}
            for row in rows
        ]
    put(lakehouse, partition, joined(rows, random_gold.products(choose)))


@contextmanager
def merging_few_rows():
    """Add up the partitions of few rows too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partials, "_FEWEST_MERGED_ROWS", 0)
        yield


@merging_few_rows()
def check_sequence(spark, tmp_path, seed, steps, lakehouse=None):
    """Compare the marts after random updates, by default in a folder, with those of one build."""
    choose = random.Random(seed)
    lakehouse = lakehouse or Lakehouse(location=str(tmp_path / "lakehouse"))
    put(lakehouse, "partition_1", joined(random_gold.reviews(choose)[:MOST_ROWS], []))
    _put(lakehouse, "gold/products", random_gold.products(choose))
    build(spark, lakehouse)
    for _ in range(steps):
        change(choose, lakehouse)
        if choose.random() < 0.7:
            build(spark, lakehouse, SOME)
    build(spark, lakehouse)

    assert contents(lakehouse) == built_at_once(spark, lakehouse, tmp_path / "fresh")


def test_marts_after_random_updates_equal_those_of_a_full_build(spark, tmp_path):
    check_sequence(spark, tmp_path, seed=22, steps=3)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_marts_after_many_random_updates_equal_those_of_a_full_build(spark, tmp_path, seed):
    check_sequence(spark, tmp_path, seed, steps=12)


@pytest.fixture(scope="module")
def merging():
    """Add up the partitions of the few rows of the tests of this module."""
    with merging_few_rows():
        yield


@pytest.fixture(scope="module")
def given(spark, tmp_path_factory, merging):
    """A lakehouse with three partitions, a segment and their marts, with one product."""
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("given")))
    choose = random.Random(3)
    rows = random_gold.reviews(choose)
    for number, name in enumerate(PARTITIONS[:4]):
        put(lakehouse, name, joined(rows[number * 50 : number * 50 + 50], [product()]))
    _put(lakehouse, "gold/products", [product()])
    build(spark, lakehouse)
    return lakehouse


@pytest.fixture
def lakehouse(given, tmp_path):
    shutil.copytree(given.location, tmp_path / "lakehouse")
    return Lakehouse(location=str(tmp_path / "lakehouse"))


def files(lakehouse):
    """Return the data files by partition of the partial aggregates of nothing but the reviews."""
    found = {}
    for key in (*PARTIALS, "gold/product_months"):
        if TABLES[key].inputs == (REVIEWS,):
            for action in pa.table(lakehouse.delta(key).get_add_actions()).to_pylist():
                found.setdefault(action["partition"]["partition"], set()).add(action["path"])
    return found


@pytest.mark.parametrize("changed", ["stream", "partition_11"])
def test_only_the_partition_that_changed_is_aggregated_again(spark, lakehouse, changed):
    before = files(lakehouse)
    put(lakehouse, changed, joined([review(summary="Good", reviewer_id="A1")], [product()]))
    build(spark, lakehouse)
    after = files(lakehouse)

    assert len(before) == 5
    unchanged = before.keys() - {changed, MERGED}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert not after[changed] & before.get(changed, set())


@pytest.mark.parametrize(
    ("changed", "rows", "stays"),
    [("partition_11", 1, True), ("stream", 60, True), ("partition_11", 150, False)],
)
def test_the_sum_of_many_partitions_stays_while_the_others_are_small(
    spark, lakehouse, changed, rows, stays
):
    before = files(lakehouse)[MERGED]
    put(lakehouse, changed, joined(random_gold.reviews(random.Random(4))[:rows], [product()]))
    table = PARTIALS["partials/products"]
    refresh_partials(spark, lakehouse, table, source_of(lakehouse, REVIEWS), BATCH_ROWS)

    current = current_partitions(lakehouse, table)
    assert current[0] == MERGED
    assert ("partition_11" in current) == (changed == "partition_11" and stays)
    assert (len(before - files(lakehouse)[MERGED]) == 0) == stays


def test_partitions_of_few_rows_are_not_added_up_in_advance(spark, lakehouse, monkeypatch):
    table = PARTIALS["partials/products"]
    drop_table(lakehouse, table.key)
    monkeypatch.setattr(partials, "_FEWEST_MERGED_ROWS", 10_000)
    refresh_partials(spark, lakehouse, table, source_of(lakehouse, REVIEWS), BATCH_ROWS)

    assert {*current_partitions(lakehouse, table)} == {*PARTITIONS[:4]}


@pytest.mark.parametrize("emptied", ["partition_2", "stream"])
def test_reviews_of_an_emptied_partition_are_no_longer_counted(spark, lakehouse, emptied):
    put(lakehouse, emptied, [])
    build(spark, lakehouse, ("gold/review_counts",))

    counted = lakehouse.delta("gold/review_counts").to_pyarrow_table(columns=["reviews"])
    assert sum(counted["reviews"].to_pylist()) == 150


def test_a_partition_that_was_replaced_is_no_longer_in_the_sum(spark, lakehouse):
    table = PARTIALS["partials/products"]
    put(lakehouse, "partition_2", joined([review(asin="B1")], []))
    refresh_partials(spark, lakehouse, table, source_of(lakehouse, REVIEWS), BATCH_ROWS)

    rows = lakehouse.read(spark, table.key, [MERGED]).toArrow()
    assert rows.num_rows
    total = sum(source_of(lakehouse, REVIEWS).rows[name] for name in PARTITIONS[:3])
    assert sum(rows["reviews"].to_pylist()) == total


def test_marts_whose_input_did_not_change_are_aggregated_from_nothing_new(spark, lakehouse):
    source = source_of(lakehouse, REVIEWS)
    for table in PARTIALS.values():
        if table.inputs[0] == REVIEWS:
            assert refresh_partials(spark, lakehouse, table, source, BATCH_ROWS) == 0
            assert refresh_partials(spark, lakehouse, table, source, BATCH_ROWS, rebuild=True) == 4


def test_rows_without_a_record_are_aggregated_each_time(spark, lakehouse):
    rows = joined([review(partition="partition_3")], [product()])
    table = pa.Table.from_pylist(rows, schema=GOLD_REVIEWS.arrow_schema)
    lakehouse.write(table, REVIEWS)
    build(spark, lakehouse, SOME)
    source = source_of(lakehouse, REVIEWS)

    assert refresh_partials(spark, lakehouse, PARTIALS["partials/cells"], source, BATCH_ROWS) == 1


def test_reviews_written_after_the_source_was_read_are_aggregated_next_time(spark, lakehouse):
    table, source = PARTIALS["partials/cells"], source_of(lakehouse, REVIEWS)
    put(lakehouse, "partition_2", joined([review()], [product()]))
    refresh_partials(spark, lakehouse, table, source, BATCH_ROWS)
    later = source_of(lakehouse, REVIEWS)

    assert refresh_partials(spark, lakehouse, table, later, BATCH_ROWS) == 1


@pytest.mark.parametrize("key", ["partials/cells", "gold/product_months"])
def test_a_lost_file_of_a_partial_aggregate_is_made_again(spark, lakehouse, key):
    expected = contents(lakehouse)
    lost = Path(lakehouse.delta(key).file_uris()[0].removeprefix("file://"))
    lost.unlink()
    build(spark, lakehouse, ("gold/review_counts", "gold/product_months"))

    assert contents(lakehouse) == expected


def test_a_deleted_partial_aggregate_is_made_again(spark, lakehouse):
    shutil.rmtree(lakehouse.uri("partials/cells"))
    expected = contents(lakehouse, ("gold/review_counts",))
    build(spark, lakehouse, ("gold/review_counts",))

    assert contents(lakehouse, ("gold/review_counts",)) == expected


def test_code_of_another_version_is_noticed(spark, lakehouse):
    table = PARTIALS["partials/cells"]
    lakehouse.write(
        lakehouse.delta(table.key).to_pyarrow_table(),
        table.key,
        replacing=ALL_ROWS,
        transaction_versions={version_id(name): new_version("99") for name in PARTITIONS[:4]},
    )
    source = source_of(lakehouse, REVIEWS)

    assert refresh_partials(spark, lakehouse, table, source, BATCH_ROWS) == 4


def test_product_months_of_an_earlier_version_are_partitioned(spark, lakehouse):
    expected = contents(lakehouse, ("gold/product_months",))
    rows = lakehouse.delta("gold/product_months").to_pyarrow_table().drop_columns("partition")
    shutil.rmtree(lakehouse.uri("gold/product_months"))
    write_deltalake(lakehouse.uri("gold/product_months"), rows)
    build(spark, lakehouse, ("gold/product_months",))

    assert contents(lakehouse, ("gold/product_months",)) == expected
    assert lakehouse.versions("gold/product_months")[WHOLE]


@pytest.mark.parametrize(("name", "code"), [("length", "1"), ("price", "2")])
def test_counts_of_an_earlier_version_get_their_months(spark, lakehouse, name, code):
    key, mart = f"partials/{name}s", f"gold/{name}_counts"
    expected = contents(lakehouse, (mart,))
    old, sources = new_version(code), lakehouse.records(key).inputs[REVIEWS]
    records = {input_id(partition, REVIEWS): version for partition, version in sources.items()}
    records |= {version_id(partition): old for partition in (*sources, MERGED)}
    records |= {input_id(partition, MERGED): old for partition in sources if partition != "stream"}
    rows = lakehouse.delta(key).to_pyarrow_table().drop_columns("month")
    shutil.rmtree(lakehouse.uri(key))
    write_deltalake(
        lakehouse.uri(key),
        rows,
        partition_by=["partition"],
        commit_properties=commit_of(records),
    )
    build(spark, lakehouse, (mart,))

    assert contents(lakehouse, (mart,)) == expected


def test_a_lost_partial_aggregate_is_the_business_of_a_mart():
    for key, table in PARTIALS.items():
        owner, partition = owner_of(table, {"partition": "partition_1"})
        assert (key in TABLES[owner].partials, partition) == (True, WHOLE)
