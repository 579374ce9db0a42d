"""Look-ups by key: they read ranges of keys, each once, and cache the responses."""

import tracemalloc
from collections.abc import Iterator
from random import Random
from typing import Any

import anyio
import orjson
import pyarrow as pa
import pytest
from fastapi import HTTPException

from amazon_reviews.serving.api.cache import KeyRanges
from amazon_reviews.serving.api.cached_queries import (
    CachedQuery,
    Contents,
    KeyLookup,
    QueryCache,
    Rows,
)
from amazon_reviews.serving.queries.query import Query

RANGE_KEYS = 10
KEYS = [f"{number:05}" for number in range(0, 4_000, 2)]


class Versions:
    """A warehouse that knows only the version of its one table."""

    version = 1

    def versions(self) -> dict[str, int]:
        return {"gold/things": self.version}


class CountedLookup:
    """A look-up in `KEYS` that counts its reads."""

    def __init__(self) -> None:
        self.ranges = self.things = 0
        starts: Query[[]] = Query(("gold/things",), self._starts)
        in_range: Query[[str, str | None]] = Query(("gold/things",), self._in_range)
        self.lookup = KeyLookup(starts, (in_range,), self._contents)

    def _starts(self, warehouse: Any) -> pa.Table:
        return pa.table({"start": KEYS[RANGE_KEYS - 1 :: RANGE_KEYS]})

    def _in_range(self, warehouse: Any, start: str, end: str | None) -> pa.Table:
        keys = [key for key in KEYS if start <= key and (end is None or key < end)]
        self.ranges += 1
        self.things += len(keys)
        return pa.table({"key": keys, "of": [warehouse.version] * len(keys)})

    def _contents(self, rows: Rows) -> Iterator[tuple[str, Contents]]:
        return ((row["key"], row) for row in rows)


def look_up(queries: QueryCache, reads: CountedLookup, key: str) -> Any:
    async def response() -> Any:
        return await queries.look_up(reads.lookup, key, f"no {key}")

    return orjson.loads(anyio.run(response).body)


def test_every_range_is_read_once_in_any_order_of_the_requests():
    queries, reads = QueryCache(Versions(), 5), CountedLookup()

    for key in Random(5).sample(KEYS, len(KEYS)):
        assert look_up(queries, reads, key)["key"] == key

    assert reads.ranges == len(KEYS) // RANGE_KEYS + 1
    assert reads.things == len(KEYS)


@pytest.mark.parametrize("key", ["", "00001", "01001", "~"])
def test_an_unknown_key_is_not_found(key):
    queries, reads = QueryCache(Versions(), 5), CountedLookup()
    for known in KEYS[::7]:
        look_up(queries, reads, known)

    with pytest.raises(HTTPException, match=f"no {key}"):
        look_up(queries, reads, key)


def test_a_new_version_of_the_table_is_read_again(monkeypatch):
    monkeypatch.setattr("amazon_reviews.serving.api.cached_queries.VERSIONS_SECONDS", 0)
    warehouse, reads = Versions(), CountedLookup()
    queries = QueryCache(warehouse, 5)
    assert look_up(queries, reads, "00002")["of"] == 1
    warehouse.version = 2

    response = look_up(queries, reads, "00002")

    assert (response["of"], response["versions"], reads.ranges) == (2, {"gold/things": 2}, 2)


def test_an_evicted_response_is_read_again(monkeypatch):
    monkeypatch.setattr("amazon_reviews.serving.api.cached_queries._CACHE_BYTES", 2_000)
    queries, reads = QueryCache(Versions(), 5), CountedLookup()

    for key in Random(6).choices(KEYS, k=1_000):
        assert look_up(queries, reads, key)["key"] == key

    assert reads.things > len(KEYS)


def test_cached_responses_take_no_more_memory_than_stated(monkeypatch):
    # Just above a size at which the tables of the cache grow.
    most = 560 << 10
    monkeypatch.setattr("amazon_reviews.serving.api.cached_queries._CACHE_BYTES", most)
    padding = "k" * 2_000
    empty = Query(("gold/things",), lambda *_: pa.table({}))
    search = CachedQuery(empty, lambda *_: {"rows": []})
    # One range, which has all names and is read at the first look-up.
    names = KeyLookup(
        Query(("gold/things",), lambda *_: pa.table({"start": pa.array([], pa.string())})),
        (empty,),
        lambda _: ((f"{padding}{number}", {"rows": []}) for number in range(1_000)),
    )

    async def growth(queries):
        before = tracemalloc.get_traced_memory()[0]
        await queries.look_up(names, f"{padding}0", "")
        for number in range(1_000):
            await queries.respond(search, f"{padding}{number}")
        return tracemalloc.get_traced_memory()[0] - before

    # The first requests load modules.
    anyio.run(growth, QueryCache(Versions(), 5))
    tracemalloc.start()
    try:
        grown = anyio.run(growth, QueryCache(Versions(), 5))
    finally:
        tracemalloc.stop()
    assert most / 2 < grown <= most


@pytest.mark.parametrize("starts", [[], ["b"], ["b", "d"]])
@pytest.mark.parametrize("key", ["", "a", "b", "c", "d", "z"])
def test_the_range_around_a_key_contains_it(starts, key):
    start, end = KeyRanges(starts).around(key)

    assert start <= key
    assert end is None or key < end
    assert [start, end] in [[a, b] for a, b in zip(["", *starts], [*starts, None], strict=True)]
