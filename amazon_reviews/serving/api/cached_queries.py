"""The service's way to the warehouse: replies kept until a table that they read is replaced."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import anyio
import orjson
from anyio.to_thread import run_sync
from fastapi import HTTPException, Response

from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.api.cache import Blocks, Kept

P = ParamSpec("P")
T = TypeVar("T")
Contents = dict[str, Any]

VERSIONS_EVERY = 1.0
"""Seconds after which the warehouse is asked again which versions it holds."""

_KEPT_BYTES = 64 << 20
_READERS = 4
# Models keep the interpreter busy: more at once would only delay the look-ups.
_MODELS = 2


class UnreadableError(Exception):
    """The warehouse cannot be read; the text is for the log alone."""


@dataclass(frozen=True)
class Reply(Generic[P]):
    """What an endpoint replies, made from these warehouse tables."""

    tables: tuple[str, ...]
    make: Callable[Concatenate[Warehouse, P], Contents]


def replies(
    *tables: str,
) -> Callable[[Callable[Concatenate[Warehouse, P], Contents]], Reply[P]]:
    """Let a function that reads these warehouse tables make the contents of a reply."""

    def reply(make: Callable[Concatenate[Warehouse, P], Contents]) -> Reply[P]:
        return Reply(tables, make)

    return reply


@dataclass(frozen=True)
class Lookup:
    """What an endpoint replies of one thing, made from these warehouse tables.

    `make` gives the contents by key of some things from a key on, before another if that is given,
    in their order: a look into the tables costs about the same for one thing as for many, and what
    is near is asked for sooner or later.
    """

    tables: tuple[str, ...]
    make: Callable[[Warehouse, str, str | None], Iterator[tuple[str, Contents]]]


class Answers:
    """Makes replies in a few threads, each within some seconds."""

    def __init__(self, warehouse: Warehouse, seconds: float) -> None:
        self._warehouse = warehouse
        self._seconds = seconds
        self._kept = Kept(_KEPT_BYTES)
        self._blocks: defaultdict[Lookup, Blocks] = defaultdict(Blocks)
        self._versions: dict[str, int] = {}
        self._looked: float | None = None
        self._looking = anyio.Lock()
        self._readers = anyio.CapacityLimiter(_READERS)
        self._models = anyio.CapacityLimiter(_MODELS)

    async def versions(self) -> dict[str, int]:
        """The warehouse's tables with their versions, about a second old at most.

        Raises:
            UnreadableError: the warehouse cannot be read.
            HTTPException: 504 where it does not answer.
        """
        if self._is_fresh() or (self._versions and self._looking.locked()):
            return self._versions
        async with self._looking:
            if not self._is_fresh():
                self._versions = await self._read(self._warehouse.versions)
                self._looked = monotonic()
        return self._versions

    async def reply(self, reply: Reply[P], *args: P.args, **kwargs: P.kwargs) -> Response:
        """The reply as JSON, with the versions of the tables that it was made from.

        Raises:
            UnreadableError: the warehouse cannot be read.
            HTTPException: what the reply raises; 503 where the warehouse lacks a table, 504 where
                the answer takes too long.
        """
        versions = await self._versions_of(reply.tables)
        key = (reply, *versions.values(), args, *sorted(kwargs.items()))
        body = self._kept.get(key)
        if body is None:
            body = await self._read(
                lambda: _json(reply.make(self._warehouse, *args, **kwargs), versions)
            )
            self._kept.put(key, body)
        return Response(body, media_type="application/json")

    async def look_up(self, lookup: Lookup, key: str, unknown: str) -> Response:
        """The reply of one thing, as `reply`; 404 with the text `unknown` where there is none."""
        versions = await self._versions_of(lookup.tables)
        state = (lookup, *versions.values())
        body = self._kept.get((*state, key))
        if body is None:
            body = await self._read(lambda: self._looked_up(lookup, key, versions, state))
        if body is None:
            raise HTTPException(404, unknown)
        return Response(body, media_type="application/json")

    def _looked_up(
        self, lookup: Lookup, key: str, versions: dict[str, int], state: tuple[object, ...]
    ) -> bytes | None:
        # Another thread may have come by while this one waited.
        if (kept := self._kept.get((*state, key))) is not None:
            return kept
        blocks = self._blocks[lookup]
        near, before = blocks.near(key)
        for first in dict.fromkeys((near or key, key)):
            bodies = {
                name: _json(contents, versions)
                for name, contents in lookup.make(self._warehouse, first, before)
            }
            for name, body in bodies.items():
                self._kept.put((*state, name), body)
            if bodies:
                blocks.add(min(bodies), max(bodies))
            if key in bodies:
                return bodies[key]
        return None

    async def _versions_of(self, tables: tuple[str, ...]) -> dict[str, int]:
        there = await self.versions()
        if missing := [table for table in tables if table not in there]:
            raise HTTPException(
                503, f"{missing[0]} is not in the warehouse yet; run `amazon-reviews run`"
            )
        return {table: there[table] for table in tables}

    async def ask_model(self, work: Callable[[], T]) -> T:
        """Do a model's work in a thread; HTTPException 504 where it takes too long."""
        return await self._run(work, self._models)

    async def _read(self, work: Callable[[], T]) -> T:
        return await self._run(work, self._readers)

    async def _run(self, work: Callable[[], T], threads: anyio.CapacityLimiter) -> T:
        try:
            with anyio.fail_after(self._seconds):
                return await run_sync(work, abandon_on_cancel=True, limiter=threads)
        except TimeoutError:
            raise HTTPException(
                504, f"no answer within {self._seconds} s; ask for less, or again later"
            ) from None
        except WarehouseError as error:
            raise UnreadableError(str(error)) from error

    def _is_fresh(self) -> bool:
        return self._looked is not None and monotonic() - self._looked < VERSIONS_EVERY


def _json(contents: Contents, versions: dict[str, int]) -> bytes:
    return orjson.dumps({**contents, "versions": versions})
