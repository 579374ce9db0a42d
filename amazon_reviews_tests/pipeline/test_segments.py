"""Stream segments: a run rebuilds only the last one."""

import shutil

import pyarrow as pa
import pytest

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.pipeline import stream as receive_module
from amazon_reviews.pipeline import stream_commit
from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.gold import build_gold_products, build_gold_reviews
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.segments import next_segment, segments, sum_by_partition
from amazon_reviews.pipeline.silver import build_silver, build_silver_stream
from amazon_reviews.pipeline.stream import receive
from amazon_reviews.resources.event_hub import Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.helpers import (
    BATCH_ROWS,
    build_silver_all,
    content,
    event,
    hub_of,
    product,
    review,
    rows,
    upload,
)

EVENTS = "bronze/review_events"
SILVER = "silver/streamed_reviews"
GOLD = "gold/reviews"
SECOND, THIRD = "stream-000002", "stream-000003"
RUNS = [
    [event(summary="a"), event(summary="b"), b"no review"],
    [event(summary="b"), event(summary="c"), event(summary="c")],
    [event(summary="a"), event(summary="d")],
]


def take_to_gold(spark, server, lakehouse, hub="reviews", *, rebuild=False):
    """Bring new events to gold, as a run of the stream job does; return the counts of silver."""
    receive(hub_of(server, hub), lakehouse)
    counts = build_silver_stream(spark, lakehouse, BATCH_ROWS, rebuild=rebuild)
    list(build_gold_reviews(spark, lakehouse, ["stream"], BATCH_ROWS))
    return counts


def files(lakehouse, key):
    """Return the table's data files by partition."""
    paths = {}
    for action in pa.table(lakehouse.delta(key).get_add_actions()).to_pylist():
        paths.setdefault(action["partition"]["partition"], set()).add(action["path"])
    return paths


def without_segments(lakehouse, key):
    return content(lakehouse, key, leave_out=("partition", "kept_in", "rejected_at"))


def assert_balanced(lakehouse):
    assert [row for row in reconcile_all(lakehouse) if not row.balanced] == []


@pytest.fixture(scope="module")
def server():
    """An emulator with a hub for the first runs of all tests, and others for later events."""
    with EventHubEmulator({"reviews": 1, "later": 1, "last": 1, "again": 1}) as server:
        yield server


@pytest.fixture(scope="module")
def three_runs(spark, server, tmp_path_factory):
    """A lakehouse whose stream arrived in three runs, each filling a segment."""
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("runs") / "lakehouse"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_commit, "SEGMENT_EVENTS", 1)
        for bodies in RUNS:
            server.append("reviews", "0", *bodies)
            take_to_gold(spark, server, lakehouse)
    return lakehouse


@pytest.fixture
def brought(three_runs, lakehouse, monkeypatch):
    """A copy of that lakehouse; one event fills a segment."""
    monkeypatch.setattr(stream_commit, "SEGMENT_EVENTS", 1)
    shutil.copytree(three_runs.location, lakehouse.location)
    return lakehouse


def test_segment_names_sort_in_their_order():
    names = ["stream"]
    for _ in range(11):
        names.append(next_segment(names[-1]))

    assert names[1:3] == [SECOND, THIRD]
    assert segments([*reversed(names), "partition_1", "streams"]) == names
    assert sum_by_partition({"partition_1": 1, "stream": 2, SECOND: 3}) == {
        "partition_1": 1,
        "stream": 5,
    }


def test_stream_of_several_segments_gives_the_same_tables_as_one(
    spark, server, brought, tmp_path, monkeypatch
):
    monkeypatch.setattr(stream_commit, "SEGMENT_EVENTS", 1_000)
    short = Lakehouse(location=str(tmp_path / "short"))
    take_to_gold(spark, server, short)

    assert partition_rows(brought.delta(EVENTS)) == {"stream": 3, SECOND: 3, THIRD: 2}
    assert partition_rows(short.delta(EVENTS)) == {"stream": 8}
    tables = (EVENTS, SILVER, GOLD, "silver/rejected", "silver/duplicates", "gold/duplicates")
    for key in tables:
        assert without_segments(brought, key) == without_segments(short, key), key
    assert [*reconcile_all(brought)] == [*reconcile_all(short)]
    assert {row.partition for row in reconcile_all(brought)} == {"stream"}
    assert_balanced(brought)


def test_review_stays_in_its_first_segment(brought):
    expected = [("a", "stream"), ("b", "stream"), ("c", SECOND), ("d", THIRD)]

    assert rows(brought, SILVER, "summary", "partition") == expected
    assert rows(brought, GOLD, "summary", "partition") == expected
    assert rows(brought, "silver/duplicates", "partition", "line") == [
        ("stream-000002", 3),
        ("stream-000002", 5),
        ("stream-000003", 6),
    ]


def test_run_does_not_rebuild_earlier_segments(spark, server, brought):
    silver, gold = files(brought, SILVER), files(brought, GOLD)
    server.append("later", "0", event(summary="e"))

    counts = take_to_gold(spark, server, brought, "later")

    assert counts.lines == 1
    assert list(files(brought, SILVER).items())[-3:] == list(silver.items())
    assert {name: files(brought, GOLD)[name] for name in gold} == gold
    assert rows(brought, GOLD, "summary")[-1] == ("e",)


def test_segment_that_is_not_full_is_rebuilt(spark, server, brought, monkeypatch):
    monkeypatch.setattr(stream_commit, "SEGMENT_EVENTS", 3)
    silver = files(brought, SILVER)
    server.append("last", "0", event(summary="e"))

    counts = take_to_gold(spark, server, brought, "last")

    assert counts.lines == 3
    assert files(brought, SILVER).keys() == silver.keys()
    assert [name for name in silver if files(brought, SILVER)[name] != silver[name]] == [THIRD]
    assert_balanced(brought)


def test_run_without_new_events_commits_nothing(spark, server, brought):
    keys = (EVENTS, SILVER, "silver/duplicates", "silver/rejected", GOLD, "gold/duplicates")
    before = [brought.version(key) for key in keys]

    counts = take_to_gold(spark, server, brought)

    assert counts.lines == 0
    assert [brought.version(key) for key in keys] == before


def test_rebuild_builds_all_segments(spark, server, brought):
    silver, gold = files(brought, SILVER), files(brought, GOLD)
    tables = (SILVER, GOLD, "silver/rejected", "silver/duplicates")
    before = [content(brought, key) for key in tables]

    counts = take_to_gold(spark, server, brought, rebuild=True)

    assert (counts.lines, counts.kept, counts.duplicates, counts.rejected.total()) == (8, 4, 3, 1)
    assert [content(brought, key) for key in tables] == before
    for table, earlier in ((SILVER, silver), (GOLD, gold)):
        now = files(brought, table)
        assert [name for name in earlier if now[name] == earlier[name]] == []


def test_next_run_completes_a_killed_run_of_several_segments(spark, server, brought):
    """The run was killed before it wrote the duplicates of the middle segment."""
    nothing = pa.Table.from_batches([], TABLES["silver/duplicates"].arrow_schema)
    keys = {"table": ["streamed_reviews"], "partition": [SECOND]}
    brought.write(nothing, "silver/duplicates", replacing=keys)
    server.append("again", "0", event(summary="d"))

    counts = take_to_gold(spark, server, brought, "again")

    assert (counts.lines, counts.kept) == (6, 2)
    assert rows(brought, SILVER, "summary") == [("a",), ("b",), ("c",), ("d",)]
    assert_balanced(brought)


def test_file_takes_its_reviews_from_every_segment(spark, landing, brought):
    upload(landing, "amazon_reviews", "partition_1", review(summary="a"), review(summary="c"))
    ingest(landing, brought, REVIEWS, "partition_1")
    list(build_silver(spark, brought, REVIEWS, ["partition_1"], BATCH_ROWS))

    counts = dict(build_gold_reviews(spark, brought, ["partition_1"], BATCH_ROWS))

    assert [*counts] == ["partition_1", "stream"]
    assert (counts["stream"].lines, counts["stream"].kept, counts["stream"].duplicates) == (4, 2, 2)
    assert rows(brought, GOLD, "summary", "partition") == [
        ("a", "partition_1"),
        ("b", "stream"),
        ("c", "partition_1"),
        ("d", THIRD),
    ]
    assert_balanced(brought)


def test_new_products_reach_every_segment(spark, landing, brought):
    upload(landing, "amazon_metadata", "partition_1", product(title="Watering can"))
    build_silver_all(spark, landing, brought, PRODUCTS)
    build_gold_products(spark, brought)

    list(build_gold_reviews(spark, brought, ["stream"], BATCH_ROWS))

    assert rows(brought, GOLD, "summary", "title") == [(s, "Watering can") for s in "abcd"]


@pytest.mark.parametrize("spans", [None, {"0": Span(0, 11), "1": Span(0, 8)}])
def test_many_events_take_several_commits(lakehouse, monkeypatch, spans):
    monkeypatch.setattr(receive_module, "COMMIT_EVENTS", 10)
    with EventHubEmulator({"reviews": 2}) as server:
        server.append("reviews", "0", *[b"%d" % number for number in range(12)])
        server.append("reviews", "1", *[b"%d" % number for number in range(9)])
        created = lakehouse.ensure(EVENTS) and lakehouse.version(EVENTS)

        received = receive(hub_of(server), lakehouse, spans)

    assert received.events == {"0": 12, "1": 9}
    actual = rows(lakehouse, EVENTS, "hub_partition", "sequence_number", "body")
    assert actual == sorted(
        [(name, n, b"%d" % n) for name, count in (("0", 12), ("1", 9)) for n in range(count)],
        key=repr,
    )
    assert lakehouse.version(EVENTS) == created + 3


def test_a_segment_of_many_events_is_not_opened_again(tmp_path, monkeypatch):
    monkeypatch.setattr(stream_commit, "OPEN_SEGMENT_EVENTS", 3)
    lakehouse = Lakehouse(location=str(tmp_path))
    with EventHubEmulator({"reviews": 1}) as server:
        for number in range(5):
            server.append("reviews", "0", event(summary=f"{number}"))
            receive(hub_of(server), lakehouse)

    assert partition_rows(lakehouse.delta(EVENTS)) == {"stream": 3, SECOND: 2}
