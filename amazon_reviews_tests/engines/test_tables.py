"""Both engines build equal tables, and each continues the work of the other."""

import random
import shutil

import pytest

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEW_DATASETS, REVIEWS, STREAM
from amazon_reviews.pipeline.gold import build_gold_products, build_gold_reviews
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.silver import build_silver, build_silver_stream
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.engines.compare import assert_same_tables, lay_out_real_data
from amazon_reviews_tests.helpers import BATCH_ROWS, content, event, hub_of, ingest_all, rows
from amazon_reviews_tests.marts import random_gold
from amazon_reviews_tests.marts.building import checked_mart, put_gold
from amazon_reviews_tests.marts.test_partials import check_sequence

SAMPLE = SampleOptions(
    reviews=600,
    products=60,
    users=60,
    partitions=2,
    events=120,
    seed=29,
    duplicates_within=0.04,
    duplicates_across=0.05,
    malformed=0.05,
    unknown_fields=0.05,
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A lakehouse with files and events in bronze."""
    folder = tmp_path_factory.mktemp("sample")
    generate(SAMPLE, folder / "landing")
    landing = LandingZone(location=str(folder / "landing"))
    events = (folder / "landing" / "events" / "events.jsonl").read_bytes().splitlines()
    mark = b"\xef\xbb\xbf"
    odd = [b"\xff", b"no json", mark + events[0], mark + b"[1]", mark + event(summary="mark")]
    batches = [
        b"[%b]" % b",".join([event(summary="b"), *events[:12], events[1]]),
        b"%b\n%b" % (event(summary="a"), event(summary="b")),
    ]
    return in_bronze(landing, [*batches, *events, *odd], folder / "lakehouse")


def in_bronze(landing, events, folder):
    """Return a lakehouse with the files of a landing zone and these events in bronze."""
    lakehouse = Lakehouse(location=str(folder))
    for dataset in REVIEW_DATASETS:
        ingest_all(landing, lakehouse, dataset)
    with EventHubEmulator({"reviews": 1}) as server:
        server.append("reviews", "0", *events)
        receive(hub_of(server), lakehouse)
    return lakehouse


def copied(lakehouse, folder):
    shutil.copytree(lakehouse.location, folder)
    return Lakehouse(location=str(folder))


def bring_files(spark, lakehouse):
    """Bring files from bronze to gold."""
    for dataset in (PRODUCTS, REVIEWS):
        names = list(partition_rows(lakehouse.delta(dataset.bronze)))
        list(build_silver(spark, lakehouse, dataset, names, BATCH_ROWS))
    build_gold_products(spark, lakehouse)
    list(build_gold_reviews(spark, lakehouse, names, BATCH_ROWS))


def merge_stream(spark, lakehouse):
    """Bring events from bronze to gold, where they are compared with the reviews of files."""
    build_silver_stream(spark, lakehouse, BATCH_ROWS)
    list(build_gold_reviews(spark, lakehouse, [STREAM.partition], BATCH_ROWS))


@pytest.fixture(scope="module")
def files(sail, jvm, sample, tmp_path_factory):
    """Files in gold, by each engine."""
    folder = tmp_path_factory.mktemp("files")
    lakehouses = {}
    for name, spark in (("sail", sail), ("jvm", jvm)):
        lakehouses[name] = copied(sample, folder / name)
        bring_files(spark, lakehouses[name])
    return lakehouses


@pytest.fixture(scope="module")
def merged(sail, jvm, files, tmp_path_factory):
    """The stream beside the files: by the same engine, and by the other one."""
    folder = tmp_path_factory.mktemp("merged")
    lakehouses = {}
    for first, then, spark in (("sail", "sail", sail), ("sail", "jvm", jvm), ("jvm", "sail", sail)):
        lakehouses[first, then] = copied(files[first], folder / f"{first}_{then}")
        merge_stream(spark, lakehouses[first, then])
    return lakehouses


def test_engines_build_the_same_tables_from_files(files):
    compared = assert_same_tables(files["sail"], files["jvm"])

    assert {"silver/reviews", "silver/products", "silver/rejected", "gold/reviews"} <= compared
    reconciliations = [
        row for row in reconcile_all(files["jvm"]) if row.partition != STREAM.partition
    ]
    assert reconciliations
    assert all(row.balanced for row in reconciliations)


@pytest.mark.parametrize("engines", [("sail", "jvm"), ("jvm", "sail")])
def test_stream_gives_the_same_tables_after_files_of_the_other_engine(merged, engines):
    compared = assert_same_tables(merged["sail", "sail"], merged[engines])

    assert {"silver/streamed_reviews", "gold/reviews", "gold/duplicates"} <= compared
    assert all(row.balanced for row in reconcile_all(merged[engines]))
    sources = {source for (source,) in rows(merged[engines], "gold/reviews", "source")}
    assert sources == {"batch", "stream"}


@pytest.mark.parametrize(("first", "then"), [("sail", "jvm"), ("jvm", "sail")])
def test_engine_replaces_a_partition_of_the_other_engine(request, files, tmp_path, first, then):
    lakehouse = copied(files[first], tmp_path / "lakehouse")
    version = lakehouse.version("silver/reviews")

    list(
        build_silver(request.getfixturevalue(then), lakehouse, REVIEWS, ["partition_1"], BATCH_ROWS)
    )

    assert lakehouse.version("silver/reviews") == version + 1
    assert_same_tables(files[first], lakehouse)


def test_both_engines_read_a_merge_of_delta_spark(sail, jvm, files, tmp_path):
    """MERGE and DELETE of the JVM's Delta write additional table features."""
    lakehouse = copied(files["sail"], tmp_path / "lakehouse")
    place = f"delta.`{lakehouse.uri('silver/reviews')}`"
    before = rows(lakehouse, "silver/reviews", "review_id", "vote", "partition")
    changed, gone = before[0][0], before[-1][0]

    jvm.sql(
        f"MERGE INTO {place} t USING (SELECT '{changed}' AS id) s ON t.review_id = s.id "
        "WHEN MATCHED THEN UPDATE SET vote = 77"
    ).collect()
    jvm.sql(f"DELETE FROM {place} WHERE review_id = '{gone}'").collect()

    expected = sorted(
        (
            (name, 77 if name == changed else vote, partition)
            for name, vote, partition in before
            if name != gone
        ),
        key=repr,
    )
    assert rows(lakehouse, "silver/reviews", "review_id", "vote", "partition") == expected
    for spark in (sail, jvm):
        actual = lakehouse.read(spark, "silver/reviews").select("review_id", "vote", "partition")
        assert sorted(map(tuple, actual.collect()), key=repr) == expected
    list(build_silver(sail, lakehouse, REVIEWS, ["partition_1", "partition_2"], BATCH_ROWS))
    assert content(lakehouse, "silver/reviews") == content(files["sail"], "silver/reviews")


@pytest.mark.long
def test_engines_build_the_same_tables_from_real_data(sail, jvm, tmp_path):
    """Every review, product and event of the real data, by both engines."""
    landing, events = lay_out_real_data(tmp_path / "landing")
    bronze = in_bronze(landing, events, tmp_path / "bronze")
    lakehouses = []
    for name, spark in (("sail", sail), ("jvm", jvm)):
        lakehouses.append(copied(bronze, tmp_path / name))
        bring_files(spark, lakehouses[-1])
        merge_stream(spark, lakehouses[-1])

    compared = assert_same_tables(*lakehouses)

    assert {"gold/reviews", "gold/products", "silver/streamed_reviews"} <= compared
    assert len(rows(lakehouses[1], "gold/reviews", "review_id")) > 30_000


def test_spark_creates_files_and_folders_for_their_owner_only(jvm, tmp_path):
    folder = tmp_path / "table"

    jvm.range(10).write.format("delta").save(str(folder))

    created = [folder, *folder.rglob("*")]
    assert len(created) > 4
    assert {path.stat().st_mode & 0o777 for path in created} == {0o700, 0o600}


def test_statistics_of_marts_agree_with_the_reference_on_jvm_spark(jvm, tmp_path):
    lakehouse = Lakehouse(location=str(tmp_path))
    draws = random.Random(7)
    put_gold(lakehouse, random_gold.reviews(draws), random_gold.products(draws))

    for name in ("brand_trends", "category_ratings", "credibility", "seasons", "year_months"):
        assert checked_mart(jvm, lakehouse, name), name


@pytest.mark.long
def test_marts_after_random_updates_on_jvm_spark(jvm, tmp_path):
    check_sequence(jvm, tmp_path, seed=5, steps=3)
