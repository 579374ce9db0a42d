"""Warehouse queries of the service, whose responses are cached until a table is loaded again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import anyio
import orjson
from anyio.to_thread import run_sync
from fastapi import HTTPException, Response

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.api.cache import KeyRanges, ResponseCache, ResponseKey
from amazon_reviews.serving.queries.query import Query

P = ParamSpec("P")
T = TypeVar("T")
Contents = dict[str, Any]
Rows = list[dict[str, Any]]

VERSIONS_SECONDS = 1.0
"""Seconds for which the versions of the warehouse's tables count as current."""

_CACHE_BYTES = 64 << 20
_READERS = 4
# Models keep the interpreter busy: more threads would only delay the look-ups.
_MODEL_THREADS = 2


@dataclass(frozen=True)
class CachedQuery(Generic[P]):
    """A query with the contents of its response, made from the rows and the same arguments."""

    query: Query[P]
    contents: Callable[Concatenate[Rows, P], Contents]

    @property
    def tables(self) -> tuple[str, ...]:
        """The warehouse tables that the query reads."""
        return self.query.tables


def cached(
    query: Query[P],
) -> Callable[[Callable[Concatenate[Rows, P], Contents]], CachedQuery[P]]:
    """Declare a function that makes the contents of a response from the rows of a query."""

    def declare(contents: Callable[Concatenate[Rows, P], Contents]) -> CachedQuery[P]:
        return CachedQuery(query, contents)

    return declare


@dataclass(frozen=True)
class KeyLookup:
    """Queries of one thing by its key, which read all things of a range of keys at once.

    `starts` are the keys at which the ranges start. Each of `queries` reads the rows of a range;
    `contents` makes the contents of a response by key from the rows of all of them.
    """

    starts: Query[[]]
    queries: tuple[Query[[str, str | None]], ...]
    contents: Callable[..., Iterator[tuple[str, Contents]]]

    @property
    def tables(self) -> tuple[str, ...]:
        """The warehouse tables that the queries read."""
        return tuple(dict.fromkeys(table for query in self.queries for table in query.tables))


class QueryCache:
    """Runs queries and models in a few threads, each within some seconds, and caches responses."""

    def __init__(self, warehouse: Warehouse, seconds: float) -> None:
        self._warehouse = warehouse
        self._seconds = seconds
        self._responses = ResponseCache(_CACHE_BYTES)
        self._ranges: dict[Query[[]], tuple[Mapping[str, int], KeyRanges]] = {}
        self._versions: dict[str, int] = {}
        self._versions_read: float | None = None
        self._reading_versions = anyio.Lock()
        self._readers = anyio.CapacityLimiter(_READERS)
        self._model_threads = anyio.CapacityLimiter(_MODEL_THREADS)

    async def versions(self) -> dict[str, int]:
        """Return the warehouse's tables with their versions, at most about a second old.

        Raises:
            WarehouseError: the warehouse cannot be read.
            HTTPException: 504 if it takes too long.
        """
        if self._has_current_versions() or (self._versions and self._reading_versions.locked()):
            return self._versions
        async with self._reading_versions:
            if not self._has_current_versions():
                self._versions = await self._read(self._warehouse.versions)
                self._versions_read = monotonic()
        return self._versions

    async def respond(self, cached: CachedQuery[P], *args: P.args, **kwargs: P.kwargs) -> Response:
        """Return the response as JSON, with the versions of the tables that the query reads.

        Raises:
            WarehouseError: the warehouse cannot be read.
            HTTPException: raised by `contents`; 503 if a table is missing, 504 if it takes too
                long.
        """
        versions = await self._versions_of(cached.tables)
        key = ResponseKey.of(cached, versions, args, sorted(kwargs.items()))
        body = self._responses.get(key)
        if body is None:

            def read() -> bytes:
                rows = cached.query(self._warehouse, *args, **kwargs).to_pylist()
                return _json(cached.contents(rows, *args, **kwargs), versions)

            body = await self._read(read)
            self._responses.put({key: body})
        return Response(body, media_type="application/json")

    async def look_up(self, lookup: KeyLookup, key: str, unknown: str) -> Response:
        """Return the response of a key like `respond`; 404 with the text `unknown` without one."""
        versions = await self._versions_of(lookup.tables)
        body = self._responses.get(ResponseKey.of(lookup, versions, key))
        if body is None:
            body = await self._read(lambda: self._read_range(lookup, key, versions))
        if body is None:
            raise HTTPException(404, unknown)
        return Response(body, media_type="application/json")

    def _read_range(self, lookup: KeyLookup, key: str, versions: dict[str, int]) -> bytes | None:
        # Another thread may have read the range while this one waited.
        if (body := self._responses.get(ResponseKey.of(lookup, versions, key))) is not None:
            return body
        start, end = self._ranges_of(lookup, versions).around(key)
        rows = (query(self._warehouse, start, end).to_pylist() for query in lookup.queries)
        bodies = {name: _json(each, versions) for name, each in lookup.contents(*rows)}
        self._responses.put(
            {ResponseKey.of(lookup, versions, name): body for name, body in bodies.items()}
        )
        return bodies.get(key)

    def _ranges_of(self, lookup: KeyLookup, versions: Mapping[str, int]) -> KeyRanges:
        """Return the ranges of the keys; the ranges of an earlier version of the tables are old."""
        ranges_versions, ranges = self._ranges.get(lookup.starts, (None, None))
        if ranges is None or ranges_versions != versions:
            ranges = KeyRanges(lookup.starts(self._warehouse)["start"].to_pylist())
            self._ranges[lookup.starts] = versions, ranges
        return ranges

    async def _versions_of(self, tables: tuple[str, ...]) -> dict[str, int]:
        versions = await self.versions()
        if missing := [table for table in tables if table not in versions]:
            raise HTTPException(
                503, f"{missing[0]} is not in the warehouse yet; run `amazon-reviews run`"
            )
        return {table: versions[table] for table in tables}

    async def run_model(self, work: Callable[[], T]) -> T:
        """Run the work of a model in a thread; HTTPException 504 if it takes too long."""
        return await self._run(work, self._model_threads)

    async def _read(self, work: Callable[[], T]) -> T:
        return await self._run(work, self._readers)

    async def _run(self, work: Callable[[], T], threads: anyio.CapacityLimiter) -> T:
        try:
            with anyio.fail_after(self._seconds):
                return await run_sync(work, abandon_on_cancel=True, limiter=threads)
        except TimeoutError:
            raise HTTPException(
                504, f"no response within {self._seconds} s; request less, or try again later"
            ) from None

    def _has_current_versions(self) -> bool:
        read = self._versions_read
        return read is not None and monotonic() - read < VERSIONS_SECONDS


def _json(contents: Contents, versions: dict[str, int]) -> bytes:
    return orjson.dumps({**contents, "versions": versions})
