"""The end of a command by SIGINT or SIGTERM within seconds, in any state, and by a crash.

The signal raises KeyboardInterrupt in the main thread (Dagster raises its own kind in a step), so
that open files and connections are closed. A call into C does not notice the exception, and a
library may catch it. Therefore a thread, which the signal itself wakes, ends the process when the
grace period is over.

A crash in native code is reported with the stack of each thread. The same thread reports child
processes that were killed.
"""

import faulthandler
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, NoReturn

from amazon_reviews.killed_children import killed_children

# Together less than the 5 s within which a command ends.
GRACE_SECONDS = 3.0
_CHILD_SECONDS = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class _Process:
    """The first signal, the last line on stderr, its descriptor, and temporary folders in use."""

    signal: int | None = None
    remark: str = "interrupted"
    stderr: int = 2
    folders: set[str] = field(default_factory=set)


_process = _Process()
_ending = threading.Lock()


def check() -> None:
    """Raise KeyboardInterrupt if this process has received a signal."""
    if _process.signal is not None:
        raise KeyboardInterrupt


def remark(text: str) -> None:
    """Set the line that an interrupted command prints."""
    _process.remark = text


@contextmanager
def temporary_folder(**options: Any) -> Iterator[str]:
    """Yield a folder that is removed after the block, or when a signal ends the process."""
    with TemporaryDirectory(**options) as folder:
        _process.folders.add(folder)
        try:
            yield folder
        finally:
            _process.folders.discard(folder)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """End the process on SIGINT with exit code 130, on SIGTERM with 143.

    A command that catches the signal, as a server does, returns with its own exit code. A second
    signal ends the process at once. Reports crashes on stderr, also those of child processes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Dagster redirects descriptor 2 while a step runs.
    _process.stderr = os.dup(2)
    reports_crashes = not faulthandler.is_enabled()
    if reports_crashes:
        faulthandler.enable(_process.stderr)
        # For child processes.
        os.environ["PYTHONFAULTHANDLER"] = "1"
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    handlers = [(number, signal.signal(number, _interrupt)) for number in _SIGNALS]
    # A handler of any kind lets the end of a child wake the thread.
    handlers.append((signal.SIGCHLD, signal.signal(signal.SIGCHLD, lambda number, frame: None)))
    # Not every library repeats a call that the signal breaks off.
    signal.siginterrupt(signal.SIGCHLD, False)
    previous = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    hooks = sys.unraisablehook, threading.excepthook
    sys.unraisablehook = _silent_when_interrupted(hooks[0])
    threading.excepthook = _silent_when_interrupted(hooks[1])
    # Libraries that catch the exception of the signal may log it, without a handler of their own.
    last_resort = logging.lastResort
    if last_resort:
        last_resort.addFilter(_is_logged)
    threading.Thread(target=_watch, args=(woken,), name="interrupts", daemon=True).start()
    try:
        yield
    except KeyboardInterrupt:
        with suppress(Exception):
            sys.stdout.flush()
        _end(_process.signal or signal.SIGINT, _CHILD_SECONDS)
    finally:
        if last_resort:
            last_resort.removeFilter(_is_logged)
        sys.unraisablehook, threading.excepthook = hooks
        signal.set_wakeup_fd(previous)
        for number, handler in handlers:
            signal.signal(number, handler or signal.SIG_DFL)
        wakes.close()
        if reports_crashes:
            faulthandler.disable()
        os.close(_process.stderr)
        _process.stderr = 2


def _interrupt(number: int, frame: FrameType | None) -> None:
    _process.signal = _process.signal or number
    raise KeyboardInterrupt


def _silent_when_interrupted(hook: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return the hook without the tracebacks of callbacks and threads that the signal ends."""
    return lambda error: None if _is_interrupt(error.exc_type) else hook(error)


def _is_logged(record: logging.LogRecord) -> bool:
    return not _is_interrupt(record.exc_info[0] if record.exc_info else None)


def _is_interrupt(error: type[BaseException] | None) -> bool:
    # The exception may be caught before the watcher thread has recorded the signal.
    return _process.signal is not None or bool(error and not issubclass(error, Exception))


def _watch(woken: socket.socket) -> None:
    """End the process a grace period after the first signal, or at the second one."""
    with woken:
        first = _next_signal(woken)
        if first is None:
            return
        _process.signal = _process.signal or first
        try:
            if _next_signal(woken, time.monotonic() + GRACE_SECONDS) is None:
                return
            child_seconds = 0.0
        except TimeoutError:
            child_seconds = _CHILD_SECONDS
        _end(_process.signal, child_seconds)


def _next_signal(woken: socket.socket, deadline: float | None = None) -> int | None:
    """Return the next of the two signals; None when the command has ended.

    Raises:
        TimeoutError: none has come before the deadline.
    """
    while True:
        woken.settimeout(deadline and max(0.001, deadline - time.monotonic()))
        received = woken.recv(1)
        if not received:
            return None
        if received[0] in _SIGNALS:
            return received[0]
        if received[0] == signal.SIGCHLD and _process.signal is None:
            for line in killed_children():
                _print(line)


def _end(number: int, child_seconds: float) -> NoReturn:
    """Print the remark, end the child processes, and leave without waiting for any thread."""
    # Never released: the main thread and the watcher may both arrive here.
    _ending.acquire()
    # A progress bar hides the cursor.
    show_cursor = "\x1b[?25h\r" if os.isatty(_process.stderr) else ""
    _print(f"{show_cursor}{_process.remark}")
    _end_children(child_seconds)
    for folder in list(_process.folders):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(128 + number)


def _print(line: str) -> None:
    with suppress(OSError):
        os.write(_process.stderr, f"{line}\n".encode())


def _end_children(seconds: float) -> None:
    """Terminate the child processes, and kill those that still run after `seconds`."""
    deadline = time.monotonic() + seconds
    children = _descendants()
    while children and time.monotonic() < deadline:
        _signal(children, signal.SIGTERM)
        time.sleep(0.02)
        children &= _descendants()
    _signal(children, signal.SIGKILL)


def _signal(processes: set[int], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def _descendants() -> set[int]:
    """Return the living descendant processes; none if the system has no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name of the process, before the last bracket, may have any characters.
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state != "Z":
                children.setdefault(int(parent), []).append(int(stat.parent.name))
    descendants: set[int] = set()
    pending = [os.getpid()]
    while pending:
        below = children.get(pending.pop(), [])
        descendants.update(below)
        pending += below
    return descendants
