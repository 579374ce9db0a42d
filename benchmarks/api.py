"""The service under a load of mixed requests: `python -m benchmarks.api`, with the settings.

Starts the service and requests products and titles (70 %), recommendations for a user (20 %) and
the sentiment of a text (10 %). Meanwhile the file of the warehouse is replaced every few seconds.
Prints requests per second, milliseconds by kind and failures as JSON. It also prints these figures
with the memory of the service's processes for each block of 100,000 requests. Needs a DuckDB
warehouse with reviews, recommendations and titles, and a sentiment model.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amazon_reviews import config
from amazon_reviews.resources.warehouse.connect import open_warehouse
from benchmarks.machine import describe

_PORT = 8765
# Recommendations for a user need a key.
_KEY = "key of the benchmark"
_HEADERS = f"Host: localhost\r\nX-API-Key: {_KEY}\r\n"
_TEXTS = ("It broke after a week and nobody answers.", "Great value, my daughter loves it!")


class Load:
    """A seeded mix of requests over connections that stay open."""

    def __init__(
        self, asins: list[str], ids: list[str], users: list[str], total: int, every: int
    ) -> None:
        self._asins, self._ids, self._users = asins, ids, users
        self._left = self._total = total
        self._every = every
        self._rng = random.Random(7)
        self.milliseconds: defaultdict[str, list[float]] = defaultdict(list)
        self.statuses: Counter[int] = Counter()
        self.failures: Counter[str] = Counter()
        self.parts: list[dict[str, Any]] = []

    async def run(self, connections: int, process: int) -> float:
        """Send all requests, and return the seconds."""
        self._process = process
        started = self._part_began = time.perf_counter()
        self._looked_up = 0
        await asyncio.gather(*(self._connection() for _ in range(connections)))
        return time.perf_counter() - started

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", _PORT)
        while self._left > 0:
            self._left -= 1
            kind, request = self._request()
            began = time.perf_counter()
            try:
                writer.write(request)
                status = await _read_status(reader)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.failures[type(error).__name__] += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", _PORT)
                continue
            self.milliseconds[kind].append(1000 * (time.perf_counter() - began))
            self.statuses[status] += 1
            if self.statuses.total() % self._every == 0:
                self._end_part()
        writer.close()

    def _end_part(self) -> None:
        """Add the figures since the end of the last part."""
        now = time.perf_counter()
        self.parts.append(
            {
                "requests_per_second": round(self._every / (now - self._part_began)),
                "look-up": _quantiles(self.milliseconds["look-up"][self._looked_up :]),
                "memory_mib": round(_resident(self._process) / 2**20),
            }
        )
        self._part_began, self._looked_up = now, len(self.milliseconds["look-up"])

    def _request(self) -> tuple[str, bytes]:
        draw = self._rng.random()
        if draw < 0.35:
            return "look-up", _get(f"/products/{self._rng.choice(self._asins)}")
        if draw < 0.7:
            return "look-up", _get(f"/titles/{self._rng.choice(self._ids)}")
        if draw < 0.9:
            user = self._rng.choice(self._users)
            return "recommendations", _get(f"/users/{user}/recommendations")
        return "sentiment", _post("/sentiment", {"text": self._rng.choice(_TEXTS)})


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{_HEADERS}\r\n".encode()


def _post(path: str, content: dict[str, str]) -> bytes:
    body = json.dumps(content).encode()
    head = f"POST {path} HTTP/1.1\r\n{_HEADERS}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _read_status(reader: asyncio.StreamReader) -> int:
    """Read a response, and return its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


async def _replace_repeatedly(file: Path, seconds: float) -> None:
    """Replace the file of the warehouse by a copy, as a load does, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        copy = file.with_suffix(".copy")
        await asyncio.to_thread(shutil.copyfile, file, copy)
        os.replace(copy, file)


@contextmanager
def _service(workers: int) -> Iterator[int]:
    command = [sys.executable, "-m", "amazon_reviews.cli", "api", "--port", str(_PORT)]
    environment = os.environ | {"AMAZON_REVIEWS_API_KEY": _KEY}
    with subprocess.Popen([*command, "--workers", str(workers)], env=environment) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


async def _until_ready() -> None:
    for _ in range(600):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", _PORT)
            writer.write(_get("/ready"))
            status = await _read_status(reader)
            writer.close()
            if status == 200:
                return
        except OSError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit("the service does not become ready")


def _resident(process: int) -> int:
    """Return the memory of a process and its children in bytes."""
    pages = (Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in _family(process))
    return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE")


def _cpu_seconds(process: int) -> float:
    """Return the processor seconds of a process and its children."""
    fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in _family(process))
    ticks = (int(user) + int(system) for user, system in (f.split()[11:13] for f in fields))
    return sum(ticks) / os.sysconf("SC_CLK_TCK")


def _family(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *(pid for child in children for pid in _family(int(child)))]


def _quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    places = {"p50": 0.5, "p99": 0.99, "worst": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[int(place * last)], 2) for name, place in places.items()}


async def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    url = config.load().warehouse
    warehouse = open_warehouse(url)
    asins = warehouse.query("SELECT asin FROM gold.product_ratings")["asin"].to_pylist()
    ids = warehouse.query("SELECT id FROM gold.titles")["id"].to_pylist()
    reviews = warehouse.describe("gold/reviews").rows
    users = warehouse.query("SELECT reviewer_id FROM gold.recommender_top WHERE place = 1")
    reviewers = users["reviewer_id"].to_pylist()
    load = Load(asins, ids, reviewers, arguments.requests, arguments.every)
    with _service(arguments.workers) as process:
        await _until_ready()
        replacing = None
        if arguments.replace:
            file = Path(url.removeprefix("duckdb:///"))
            replacing = asyncio.create_task(_replace_repeatedly(file, arguments.replace))
        before = _cpu_seconds(process)
        seconds = await load.run(arguments.connections, process)
        cpu = _cpu_seconds(process) - before
        if replacing:
            replacing.cancel()
    return {
        "reviews": reviews,
        "products": len(asins),
        "titles": len(ids),
        "users": len(reviewers),
        **vars(arguments),
        "requests_per_second": round(arguments.requests / seconds),
        "cpu_ms_per_request": round(1000 * cpu / arguments.requests, 2),
        "cores_used": round(cpu / seconds, 2),
        "milliseconds": {kind: _quantiles(v) for kind, v in load.milliseconds.items()},
        "statuses": dict(load.statuses),
        "failures": dict(load.failures),
        "parts": load.parts,
        **describe(),
    }


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--replace", type=float, default=0, help="seconds between replacements")
    parser.add_argument("--every", type=int, default=100_000, help="requests of a part")
    print(json.dumps(asyncio.run(_measure(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
