"""The log file of errors: tracebacks and texts of engines, which are too long for a terminal.

Everything that goes into the file passes `write`. Only the owner may read it.
"""

import os
import tempfile
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from amazon_reviews.errors import AmazonReviewsError, EngineError, one_line
from amazon_reviews.redaction import redacted

_NAME = "errors.log"
# Together with the file before it, a few hundred errors.
_MOST_BYTES = 1 << 20


def in_one_line(error: BaseException, home: Path | None) -> str:
    """Return an error in one line, with the log file of what a library or the engine adds."""
    text = one_line(error)
    if isinstance(error, AmazonReviewsError) and not isinstance(error, EngineError):
        return text
    log = write(home, details(error))
    return f"{text} (the details are in {log})" if log else text


def details(error: BaseException) -> str:
    """Return an error with its causes and their tracebacks."""
    return "".join(traceback.format_exception(error))


def write(home: Path | None, text: str) -> Path | None:
    """Append an entry, without secrets, to the log below DAGSTER_HOME; return its path.

    It is None if nothing was written. If nothing can be written there, the log is in a folder of
    this user for temporary files.
    """
    text = redacted(text)
    if home:
        with suppress(OSError):
            return _append(home / "logs" / _NAME, text)
    with suppress(OSError):
        folder = Path(tempfile.gettempdir(), f"amazon_reviews_{os.getuid()}")
        return _append(folder / _NAME, text)
    return None


def _append(path: Path, text: str) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{path.parent} is of another user")
    if path.exists() and path.stat().st_size > _MOST_BYTES:
        os.replace(path, path.with_name(f"{_NAME}.1"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    with open(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, process {os.getpid()}\n")
        file.write(f"{text[-_MOST_BYTES:].rstrip()}\n\n")
    return path
