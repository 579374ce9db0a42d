"""An update of gold costs what is new, and gives the same tables as a build in one go."""

import logging
import random
import shutil
from pathlib import Path

import pytest

from amazon_reviews.errors import FailedPartitionsError
from amazon_reviews.pipeline.gold import build_gold_products, build_gold_reviews
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.segments import display_partition
from amazon_reviews.resources.lakehouse.maintenance import drop_table
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.helpers import BATCH_ROWS, content, files_of, put_silver, rows

P1, P2, P3, P4 = (f"partition_{number}" for number in range(1, 5))
STREAM, SECOND = "stream", "stream-000002"
PARTS = [P1, P2, P3, P4, STREAM, SECOND]
RESULTS = ("gold/reviews", "gold/duplicates")


def put(lakehouse, partition, ids, **fields):
    """Replace a partition or segment of silver; the product of review `a` is Ba."""
    streamed = partition.startswith(STREAM)
    records = [{"review_id": i, "asin": f"B{i}", "review_text": "Fine."} | fields for i in ids]
    key = "silver/streamed_reviews" if streamed else "silver/reviews"
    put_silver(lakehouse, key, partition, records)
    none = TABLES[key].arrow_schema.empty_table()
    lakehouse.write(none, key, built={partition: {}})


def put_products(spark, lakehouse, titles):
    records = [{"line_id": a, "asin": a, "title": t, "completeness": 1} for a, t in titles.items()]
    put_silver(lakehouse, "silver/products", P1, records)
    build_gold_products(spark, lakehouse)


def build(spark, lakehouse, *parts, batch_rows=BATCH_ROWS):
    names = dict.fromkeys(map(display_partition, parts))
    return dict(build_gold_reviews(spark, lakehouse, [*names], batch_rows))


def results(lakehouse):
    return {key: content(lakehouse, key) for key in RESULTS}


def files(lakehouse):
    """Return the data files of gold by partition."""
    return {name: {*files_of(lakehouse, "gold/reviews", name)} for name in PARTS}


@pytest.fixture(scope="module")
def built(spark, tmp_path_factory):
    """A lakehouse with three partitions and two segments in gold, and the products of two."""
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("built") / "lakehouse"))
    put_products(spark, lakehouse, {"Ba": "one", "Bb": "two", "BF": "three"})
    for part, ids in {P1: "ab", P2: "bc", P4: "de", STREAM: "ax", SECOND: "cy"}.items():
        put(lakehouse, part, ids)
    build(spark, lakehouse, *PARTS[:2], P4, STREAM)
    return lakehouse


@pytest.fixture
def whole(built, lakehouse):
    """A copy of that lakehouse."""
    shutil.copytree(built.location, lakehouse.location)
    return lakehouse


def change_and_compare(spark, folder, seed, steps):
    """Make random changes, and after each compare gold with that of a build of all in one go."""
    rng = random.Random(seed)
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    put_products(spark, lakehouse, {})
    silver, titles = {}, {}
    for step in range(steps):
        changed = rng.sample(PARTS, rng.choice([1, 1, 2]))
        for part in changed:
            fields = {"parent_asin": rng.choice(["Ba", "Bz"])} if rng.random() < 0.3 else {}
            silver[part] = (rng.sample("abcdefgh", rng.choice([0, 2, 4])), fields)
            put(lakehouse, part, silver[part][0], **silver[part][1])
        pending = [*changed]
        if rng.random() < 0.5:
            titles = {f"B{name}": f"{rng.choice('pq')}" for name in rng.sample("abcdef", 3)}
            put_products(spark, lakehouse, titles)
            pending = [*silver]
        if rng.random() < 0.2:
            drop_table(lakehouse, "silver/review_keys")
        build(spark, lakehouse, *pending, batch_rows=rng.choice([1, 5, BATCH_ROWS]))

        fresh = Lakehouse(location=str(folder / f"fresh_{step}"))
        put_products(spark, fresh, titles)
        for part, (ids, fields) in silver.items():
            put(fresh, part, ids, **fields)
        build(spark, fresh, *silver)
        assert results(lakehouse) == results(fresh), (seed, step)
        assert all(row.balanced for row in reconcile_all(lakehouse) if row.layer == "gold")


def test_random_changes_give_the_gold_of_a_build_in_one_go(spark, tmp_path):
    change_and_compare(spark, tmp_path, seed=3, steps=2)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_many_random_changes_give_the_gold_of_a_build_in_one_go(spark, tmp_path, seed):
    change_and_compare(spark, tmp_path, seed, steps=10)


def test_new_partition_reads_and_writes_no_file_of_others(spark, whole, tmp_path):
    before = files(whole)
    put(whole, P3, "fgb")
    away = tmp_path / "away"
    others = [("silver/reviews", name) for name in (P1, P2, P4)]
    others += [("silver/streamed_reviews", STREAM), ("silver/streamed_reviews", SECOND)]
    others += [("gold/reviews", name) for name in (P1, P2, P4, STREAM, SECOND)]
    paths = [path for key, name in others for path in files_of(whole, key, name)]
    for path in paths:
        target = away / path.relative_to(whole.location)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
    with pytest.raises(Exception, match="not found"):
        rows(whole, "gold/reviews", "review_id")

    counts = build(spark, whole, P3)

    assert [*counts] == [P3]
    assert (counts[P3].kept, counts[P3].duplicates) == (2, 1)
    shutil.copytree(away, whole.location, dirs_exist_ok=True)
    now = files(whole)
    assert {name for name in PARTS if now[name] != before[name]} == {P3}
    assert ("b", P1, P3) in rows(whole, "gold/duplicates", "id", "kept_in", "partition")


def test_changed_product_rebuilds_only_the_partitions_with_its_reviews(spark, whole, caplog):
    caplog.set_level(logging.INFO)
    put(whole, P4, "de", parent_asin="BG")
    build(spark, whole, P4)
    before = files(whole)
    put_products(spark, whole, {"Ba": "new", "Bb": "two", "BF": "three", "Bunread": "new"})

    counts = build(spark, whole, *PARTS[:2], P4, STREAM)

    # The review of Ba in the stream is a duplicate, so its segment has none in gold.
    assert {name for name in PARTS if files(whole)[name] != before[name]} == {P1}
    assert [name for name in counts if counts[name].rewritten] == [P1]
    assert "products changed for 1 of 5 partitions" in caplog.text
    assert ("a", "new") in rows(whole, "gold/reviews", "review_id", "title")
    version = whole.versions("gold/products")[""]
    recorded = whole.records("gold/reviews").inputs["gold/products"]
    assert recorded == dict.fromkeys([P1, P2, P4, STREAM], version)

    put_products(spark, whole, {"Ba": "new", "Bb": "two", "BF": "three", "BG": "family"})
    counts = build(spark, whole, *PARTS[:2], P4, STREAM)

    assert [name for name in counts if counts[name].rewritten] == [P4]
    assert ("d", "family") in rows(whole, "gold/reviews", "review_id", "title")


@pytest.mark.long
def test_products_that_are_gone_rebuild_all_reviews(spark, whole, caplog):
    before = [Path(path) for path in whole.delta("gold/products").file_uris()]
    put_products(spark, whole, {"Ba": "new"})
    for path in before:
        path.unlink()

    counts = build(spark, whole, P1, P2, P4, STREAM)

    assert all(count.rewritten for count in counts.values())
    assert "the earlier gold/products is gone" in caplog.text
    assert ("a", "new") in rows(whole, "gold/reviews", "review_id", "title")


@pytest.mark.parametrize(
    ("part", "ids", "loser", "review"),
    [(P3, "dg", P4, "d"), pytest.param(STREAM, "axy", SECOND, "y", marks=pytest.mark.long)],
)
def test_partition_that_cannot_lose_its_row_is_rebuilt_by_the_next_run(
    spark, whole, monkeypatch, part, ids, loser, review
):
    put(whole, part, ids)
    write = Lakehouse.write

    def full(self, frame, key, **options):
        if key == "gold/reviews" and loser in options["replacing"]["partition"]:
            raise OSError(28, "No space left on device")
        write(self, frame, key, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Lakehouse, "write", full)
        with pytest.raises(FailedPartitionsError):
            build(spark, whole, part)

    build(spark, whole, part)

    found = rows(whole, "gold/reviews", "review_id", "partition")
    assert [row for row in found if row[0] == review] == [(review, part)]


@pytest.mark.long
def test_unreadable_partition_of_silver_does_not_hold_back_others(spark, whole):
    put(whole, P3, "g")
    put(whole, P4, "de")
    for path in files_of(whole, "silver/reviews", P4):
        path.unlink()

    assert [*build(spark, whole, P3)] == [P3]

    assert whole.records("gold/reviews").inputs["silver/reviews"][P3]
    with pytest.raises(FailedPartitionsError, match=P4):
        build(spark, whole, P4)
    assert ("d", P4) in rows(whole, "gold/reviews", "review_id", "partition")


@pytest.mark.long
def test_lakehouse_without_an_index_gets_it_with_the_next_build(spark, whole):
    drop_table(whole, "silver/review_keys")
    put(whole, P3, "bd")

    counts = build(spark, whole, P3)

    assert [*counts] == [P3, P4]
    assert (counts[P3].kept, counts[P3].duplicates) == (1, 1)
