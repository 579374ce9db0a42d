"""A listening asyncio server in a separate thread."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
T = TypeVar("T")


class Background:
    """Handles each connection with `serve`, from start to stop."""

    def __init__(self, serve: Serve, ssl_context: ssl.SSLContext | None) -> None:
        self._serve = serve
        self._ssl_context = ssl_context
        self._listening: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()

    def start(self, host: str, port: int) -> int:
        """Begin to listen, and return the port.

        Raises:
            OSError: The address is not available.
            OverflowError, ValueError: The address is not valid.
        """
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(host, port)), name="event-hub", daemon=True
        )
        self._thread.start()
        return self._listening.result()[2]

    def stop(self) -> None:
        """Stop the server and end its thread."""
        loop, stopped, _ = self._listening.result()
        loop.call_soon_threadsafe(stopped.set)
        self._thread.join()

    def call(self, function: Callable[[], T]) -> T:
        """Call `function` in the server's thread and return its result."""

        async def call() -> T:
            return function()

        return self._await(call())

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until `condition`, evaluated in the server's thread, is true.

        Raises:
            TimeoutError: It is not true within `seconds`.
        """

        async def wait() -> None:
            async with asyncio.timeout(seconds):
                while not condition():
                    await asyncio.sleep(0.005)

        self._await(wait())

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        loop, _, _ = self._listening.result()
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    async def _run(self, host: str, port: int) -> None:
        try:
            listener = await asyncio.start_server(self._serve, host, port, ssl=self._ssl_context)
        except (OSError, OverflowError, ValueError) as error:
            # `start` waits for this future, so the error surfaces in the caller's thread.
            self._listening.set_exception(error)
            return
        stopped = asyncio.Event()
        bound = listener.sockets[0].getsockname()[1]
        self._listening.set_result((asyncio.get_running_loop(), stopped, bound))
        await stopped.wait()
        listener.close()
