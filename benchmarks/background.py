"""A process that runs beside what is measured, and is ended afterwards.

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
    """A command in a session of its own, as long as the `with` block lasts.

    What it says goes to the file `log`. `ended_cleanly` tells after the block whether it and all
    that it started ended by themselves when it was interrupted.
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
        while self._left() and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        left = self._left()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self.ended_cleanly = not left

    def said(self, pattern: str, seconds: float) -> str:
        """Wait until it says something; gives the first group of `pattern`.

        Raises:
            CommandError: it ended, or did not say it within `seconds`.
        """
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self._log.read_text(errors="replace"))
            if found:
                return found[1]
            self.check()
            if time.monotonic() > end:
                raise self._failed(f"did not say {pattern!r} within {seconds:g} s")
            time.sleep(_LOOK_SECONDS)

    def check(self) -> None:
        """Look whether it still runs.

        Raises:
            CommandError: it does not.
        """
        code = self._process.poll()
        if code is not None:
            raise self._failed(f"ended with {code}")

    def cpu_seconds(self) -> float:
        """Processor seconds of the process itself so far."""
        return cpu_seconds(self._process.pid) or 0.0

    def _left(self) -> list[int]:
        self._process.poll()
        return list(filter(is_running, session_members(self._process.pid)))

    def _failed(self, why: str) -> CommandError:
        last = self._log.read_text(errors="replace").splitlines()[-15:]
        return CommandError(f"{' '.join(self._command[:4])} … {why}\n" + "\n".join(last))
