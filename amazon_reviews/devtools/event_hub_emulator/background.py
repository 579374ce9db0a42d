"""A listening asyncio server in a thread of its own."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
T = TypeVar("T")


class Background:
    """Answers connections with `serve` from start to stop."""

    def __init__(self, serve: Serve, ssl_context: ssl.SSLContext | None) -> None:
        self._serve = serve
        self._ssl_context = ssl_context
        self._listening: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()

    def start(self, host: str, port: int) -> int:
        """Begin to listen; returns the port.

        Raises:
            OSError: the address cannot be listened on.
            OverflowError, ValueError: it is none.
        """
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(host, port)), name="event-hub", daemon=True
        )
        self._thread.start()
        return self._listening.result()[2]

    def stop(self) -> None:
        """End all that the thread does, and the thread."""
        loop, stopped, _ = self._listening.result()
        loop.call_soon_threadsafe(stopped.set)
        self._thread.join()

    def call(self, function: Callable[[], T]) -> T:
        """The result of `function`, called in the server's thread."""

        async def called() -> T:
            return function()

        return self._await(called())

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until `condition`, which the server's thread looks at, holds.

        Raises:
            TimeoutError: it did not within `seconds`.
        """

        async def hold() -> None:
            async with asyncio.timeout(seconds):
                while not condition():
                    await asyncio.sleep(0.005)

        self._await(hold())

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        loop, _, _ = self._listening.result()
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    async def _run(self, host: str, port: int) -> None:
        try:
            listener = await asyncio.start_server(self._serve, host, port, ssl=self._ssl_context)
        except (OSError, OverflowError, ValueError) as problem:
            self._listening.set_exception(problem)
            return
        stopped = asyncio.Event()
        bound = listener.sockets[0].getsockname()[1]
        self._listening.set_result((asyncio.get_running_loop(), stopped, bound))
        await stopped.wait()
        listener.close()
