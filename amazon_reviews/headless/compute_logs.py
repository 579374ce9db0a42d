"""The helper processes with which Dagster copies the output of a step."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import dagster as dg

from amazon_reviews.defs.dagster_private import CapturedLogContext


def protect_log_helpers(instance: dg.DagsterInstance) -> None:
    """Start the helper processes of this instance with SIGINT blocked.

    A terminal sends it to all processes of a command, and each helper would print a traceback.
    A helper ends with its step, or with the process that started it.
    """
    manager = instance.compute_log_manager
    capture = manager.capture_logs

    @contextmanager
    def capture_logs(log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        with ExitStack() as stack:
            # Child processes inherit the mask; a signal that arrives now is delivered afterwards.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            try:
                context = stack.enter_context(capture(log_key))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield context

    manager.capture_logs = capture_logs  # type: ignore[method-assign]
