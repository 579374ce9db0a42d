"""Ports for servers in tests."""

import socket
import subprocess
import time

_SECONDS = 180


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when a server listens on loopback.

    Raises:
        RuntimeError: the server has ended, or does not listen in time.
    """
    end = time.monotonic() + _SECONDS
    while server.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the server does not listen; its exit code is {server.returncode}")
