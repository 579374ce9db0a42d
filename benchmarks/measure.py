"""Seconds, processor seconds and peak memory of a command with its child processes.

Linux only: read from /proc.
"""

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_SECONDS = 0.05
_SCAN_SECONDS = 0.5
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class CommandError(RuntimeError):
    """A measured command that failed; the text ends with its last output."""


@dataclass(frozen=True)
class Stamp:
    """A line on stderr and its time in seconds."""

    line: str
    seconds: float


@dataclass
class Measured:
    """The measurement of a command.

    `peak_bytes` is the largest sum of the resident memory of all its processes; shared memory
    counts once for each process. `history` has (seconds, processor seconds) in order.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    stdout: str
    stamps: list[Stamp] = field(default_factory=list)
    history: list[tuple[float, float]] = field(default_factory=list)

    def cpu_until(self, seconds: float) -> float:
        """Return the processor seconds of the first `seconds`."""
        return max((cpu for at, cpu in self.history if at <= seconds), default=0.0)


def measure(command: Sequence[str], environ: Mapping[str, str], cwd: Path) -> Measured:
    """Run a command and measure it.

    Raises:
        CommandError: The exit code is not 0.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=dict(environ),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    watched = _Sampler(process.pid, started)
    stamps: list[Stamp] = []
    assert process.stderr is not None
    reader = threading.Thread(target=_read_stamps, args=(process.stderr, started, stamps))
    watcher = threading.Thread(target=watched.run)
    reader.start()
    watcher.start()
    assert process.stdout is not None
    stdout = process.stdout.read()
    reader.join()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    watched.stop()
    watcher.join()
    if process.returncode != 0:
        last = "\n".join([stamp.line for stamp in stamps][-15:])
        raise CommandError(f"{' '.join(command[:3])} … ended with {process.returncode}\n{last}")
    cpu = max(usage.ru_utime + usage.ru_stime, watched.cpu_seconds)
    return Measured(seconds, cpu, watched.peak_bytes, stdout, stamps, watched.history)


def _read_stamps(lines: Iterator[str], started: float, stamps: list[Stamp]) -> None:
    for line in lines:
        stamps.append(Stamp(line.rstrip("\n"), time.perf_counter() - started))


class _Sampler:
    """Samples the processes of a session in a thread.

    /proc is scanned for new processes twice a second. In between, only known processes are read,
    since a scan is expensive.
    """

    def __init__(self, session: int, started: float) -> None:
        self.peak_bytes = 0
        self.history: list[tuple[float, float]] = []
        self._session = session
        self._started = started
        self._cpu: dict[int, float] = {}
        self._alive = [session]
        self._ended = threading.Event()

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of the last samples; later seconds of ended processes are lost."""
        return sum(self._cpu.values())

    def run(self) -> None:
        """Sample until `stop`."""
        scanned = 0.0
        while not self._ended.wait(SAMPLE_SECONDS):
            now = time.perf_counter()
            if now - scanned > _SCAN_SECONDS:
                scanned = now
                self._alive = list(session_members(self._session))
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident, self._alive)))
            self._cpu |= {pid: cpu for pid in self._alive if (cpu := cpu_seconds(pid)) is not None}
            self.history.append((now - self._started, self.cpu_seconds))

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()


def session_members(session: int) -> Iterator[int]:
    """Yield the processes of a session, including zombies."""
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            values = _stat(int(entry))
            if values is not None and int(values[3]) == session:
                yield int(entry)


def is_running(pid: int) -> bool:
    """Return True if the process exists and has not ended."""
    values = _stat(pid)
    return values is not None and values[0] not in "XZ"


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the name, which may contain blanks."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def cpu_seconds(pid: int) -> float | None:
    """Return the processor seconds of a process so far, or None if it does not exist."""
    values = _stat(pid)
    return None if values is None else (int(values[11]) + int(values[12])) / _TICKS


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
