"""Folders that are full or cannot be written to: setting, folder and free space in one line.

Libraries report the same fault of a file system in many forms: a number, the text of the system,
or a text of their own. The free space tells which folder is meant where an error names none.
"""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amazon_reviews.errors import AmazonReviewsError, StorageError

_FREE_SOME = "free some space, or name another folder, and repeat the command"
_ALLOW = "allow it with chmod or chown, or name another folder"
_FAULTS = {
    errno.ENOSPC: ("is too full", _FREE_SOME),
    errno.EDQUOT: ("has reached its quota", _FREE_SOME),
    errno.EFBIG: ("does not take a file of this size", "raise its limit (ulimit -f)"),
    errno.EROFS: ("is read-only", "mount it writable, or name another folder"),
    errno.EACCES: ("denies access to this user", _ALLOW),
    errno.EPERM: ("denies access to this user", _ALLOW),
}
_DENIED = (errno.EROFS, errno.EACCES, errno.EPERM)
# The number in the errors of Rust, which may be in the middle of a long text.
_RUST = re.compile(r"\(os error (\d+)\)")
_TEXTS = {
    re.compile(pattern): number
    for pattern, number in {
        # The system's own text is at the end of an error of DuckDB, Arrow or Java.
        r"(?i)[:\]] no space left on device": errno.ENOSPC,
        r"(?i): disk quota exceeded": errno.EDQUOT,
        r"(?i): file too large": errno.EFBIG,
        r"(?i): read-only file system": errno.EROFS,
        r"(?i)io error: .*: permission denied": errno.EACCES,
        r"OperationalError\) database or disk is full": errno.ENOSPC,
        r"OperationalError\) attempt to write a readonly database": errno.EROFS,
        r"OperationalError\) unable to open database file": errno.EACCES,
        # DuckDB bounds its temporary files by the free space.
        r"failed to offload data block": errno.ENOSPC,
    }.items()
}
# SQLite says no more when the system refuses a write.
_UNCLEAR = re.compile(r"OperationalError\) disk I/O error")
_NEARLY_FULL_BYTES = 16 << 20


@dataclass(frozen=True)
class Place:
    """A folder, or a file in it, that a setting names."""

    setting: str
    path: Path

    @property
    def folder(self) -> Path:
        """The nearest folder that exists."""
        return next(path for path in (self.path, *self.path.parents) if path.is_dir())

    @property
    def free_bytes(self) -> int:
        """The free bytes of its file system."""
        return shutil.disk_usage(self.folder).free


def temporary_files() -> Place:
    """Return the folder of temporary files."""
    # Python's own search leaves out a folder that is full, and engines do not.
    return Place("TMPDIR", Path(os.environ.get("TMPDIR") or tempfile.gettempdir()).absolute())


def check_room(place: Place, needed: int) -> None:
    """Raise StorageError if about `needed` more bytes do not fit in the folder of a place."""
    free = place.free_bytes
    if needed > free:
        raise StorageError(
            f"{place.setting}: {place.folder} has {readable_size(free)} free, and about "
            f"{readable_size(needed)} are needed; {_FREE_SOME}"
        )


@contextmanager
def explaining(*places: Place) -> Iterator[None]:
    """Raise StorageError in place of a foreign error that one of these places causes."""
    try:
        yield
    except AmazonReviewsError:
        raise
    except Exception as error:
        problem = storage_error(error, places)
        if problem is None:
            raise
        raise problem from error


def storage_error(error: BaseException, places: Sequence[Place]) -> StorageError | None:
    """Return the error to raise if a place is full or cannot be written to, else None.

    The place is the one whose path the error names. Without a path it is the one with the least
    free space, or the first that refuses to be written to.
    """
    for each in _chain(error):
        # As SQLAlchemy quotes the errors of SQLite.
        text = f"{getattr(each, 'filename', None) or ''} {type(each).__name__}) {each}"
        number = _number(each, text)
        unclear = number is None and _UNCLEAR.search(text)
        if not places or (number is None and not unclear):
            continue
        place = _named(text, places)
        if place is None:
            if getattr(each, "filename", None):
                # A file elsewhere, which a person may have named.
                continue
            place = _likeliest(places, number)
        if unclear and place.free_bytes > _NEARLY_FULL_BYTES:
            continue
        what, advice = _FAULTS[number or errno.ENOSPC]
        free = readable_size(place.free_bytes)
        return StorageError(f"{place.setting}: {place.folder} {what} ({free} free); {advice}")
    return None


def readable_size(count: int) -> str:
    """Return a number of bytes for people, such as 1.5 MB."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1_000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:,.1f} TB"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, each once."""
    seen: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in seen:
        yield following
        seen.append(following)
        context = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or context


def _number(error: BaseException, text: str) -> int | None:
    """Return the fault of a file system that an error is about."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in _FAULTS else None
    for match in _RUST.finditer(text):
        if int(match[1]) in _FAULTS:
            return int(match[1])
    return next((number for pattern, number in _TEXTS.items() if pattern.search(text)), None)


def _named(text: str, places: Sequence[Place]) -> Place | None:
    """Return the place whose path a text names, the innermost of several."""
    named = [p for p in places if re.search(rf"{re.escape(str(p.path))}(?![\w.-])", text)]
    return max(named, key=lambda place: len(place.path.parts), default=None)


def _likeliest(places: Sequence[Place], number: int | None) -> Place:
    if number in _DENIED:
        refusing = (place for place in places if not os.access(place.folder, os.W_OK | os.X_OK))
        return next(refusing, places[0])
    return min(places, key=lambda place: place.free_bytes)
