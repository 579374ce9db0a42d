"""A process that runs during a measurement and is stopped afterwards.

Linux only: read from /proc.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.measure import CommandError, cpu_seconds, is_running, session_members
from benchmarks.runs import ROOT

_LOOK_SECONDS = 0.1
_END_SECONDS = 60


class Background:
    """A command in a separate session, until the `with` block ends.

    Its output goes to the file `log`. After the block, `ended_cleanly` is True if the command and
    its child processes ended on SIGINT.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environ = dict(environ)
        self._log = log
        self.ended_cleanly = False

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environ,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGINT)
        end = time.monotonic() + _END_SECONDS
        while self._running() and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        running = self._running()
        for pid in running:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self.ended_cleanly = not running

    def wait_for_output(self, pattern: str, seconds: float) -> str:
        """Wait for output that matches `pattern`, and return its first group.

        Raises:
            CommandError: The command ended, or the output is missing after `seconds`.
        """
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self._log.read_text(errors="replace"))
            if match:
                return match[1]
            self.check()
            if time.monotonic() > end:
                raise self._failed(f"printed nothing like {pattern!r} within {seconds:g} s")
            time.sleep(_LOOK_SECONDS)

    def check(self) -> None:
        """Raise an error if the command ended.

        Raises:
            CommandError: The command ended.
        """
        code = self._process.poll()
        if code is not None:
            raise self._failed(f"ended with {code}")

    def cpu_seconds(self) -> float:
        """Return the processor seconds of the process so far, without its children."""
        return cpu_seconds(self._process.pid) or 0.0

    def _running(self) -> list[int]:
        """Return the running processes of the session."""
        self._process.poll()
        return list(filter(is_running, session_members(self._process.pid)))

    def _failed(self, why: str) -> CommandError:
        last = self._log.read_text(errors="replace").splitlines()[-15:]
        return CommandError(f"{' '.join(self._command[:4])} … {why}\n" + "\n".join(last))
