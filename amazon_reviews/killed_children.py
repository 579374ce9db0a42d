"""Child processes that were killed: one line that names the process, the signal and the reason."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from amazon_reviews.memory import ENGINE_MEMORY, memory_limit

# Signals that nobody sends to end a process in good order.
_VIOLENT = {
    signal.SIGKILL,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGABRT,
    signal.SIGILL,
    signal.SIGFPE,
}
_ROLES = {"java": "Spark's JVM"}
_reported: set[int] = set()


def call_children(role: str) -> None:
    """Set the name of this program's child processes that run Python."""
    _ROLES["python"] = role


def killed_children() -> Iterator[str]:
    """Yield a line about each child process that was killed and that its owner has not reaped yet.

    Each is named once. A system without /proc names none.
    """
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name of the process, between the brackets, may have any characters.
            first, _, rest = stat.read_text(errors="replace").rpartition(")")
            state, parent = rest.split()[:2]
            process = int(stat.parent.name)
            if state != "Z" or int(parent) != os.getpid() or process in _reported:
                continue
            # The child stays as it is for its owner.
            end = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            _reported.add(process)
            if end and end.si_code != os.CLD_EXITED and end.si_status in _VIOLENT:
                program = first.partition("(")[2]
                yield describe(process, program, signal.Signals(end.si_status))


def describe(process: int, program: str, number: signal.Signals) -> str:
    """Return a line about a killed process, with the likely reason and advice."""
    role = next((role for name, role in _ROLES.items() if program.startswith(name)), program)
    text = f"{role} (process {process}) was killed by {number.name}"
    if number != signal.SIGKILL:
        return f"{text}: a fault in native code, or a library that got no memory"
    limit = memory_limit()
    reason = f": {limit}" if limit else " of the machine"
    return (
        f"{text}, probably because the memory{reason} was used up; allow more, or lower "
        f"{ENGINE_MEMORY}"
    )
