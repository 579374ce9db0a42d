"""Landing files in a local folder. Only plain files are opened, never a device or a pipe."""

import os
import stat
from collections.abc import Iterator, Sequence
from errno import ELOOP
from pathlib import Path
from typing import BinaryIO

from amazon_reviews.errors import LandingError
from amazon_reviews.plain_file import kind_of, open_plain_file
from amazon_reviews.resources.landing import reasons
from amazon_reviews.resources.landing.layout import (
    Entry,
    LandingFile,
    LandingFolder,
    changed_while_read,
)
from amazon_reviews.resources.landing.names import is_marker
from amazon_reviews.resources.landing.unmatched import Unmatched


class LocalFiles:
    """The files below a local folder; links out of it are followed only with `follows_links`."""

    def __init__(self, root: Path, *, follows_links: bool = False) -> None:
        self._root = root
        self._follows_links = follows_links
        self._real_root = Path(os.path.realpath(root))

    def list(self, folder: str, *, deep: bool = True) -> Iterator[tuple[str, Entry]]:
        """Yield what is below `folder`, see `Files`."""
        if self._leads_out(os.path.join(self._root, folder)):
            raise LandingError(f"{self._root}/{folder} is a {': '.join(reasons.OUTSIDE)}")
        waiting = [""]
        while waiting:
            parent = waiting.pop()
            path = os.path.join(self._root, folder, parent)
            try:
                # All of a folder's files or none: some of them would look like a smaller one.
                entries = self._entries(path)
            except FileNotFoundError:
                # It was removed while the folder above was listed.
                continue
            except OSError as error:
                failure = _not_listed(path, error)
                if not parent:
                    raise failure from None
                yield parent, failure
                continue
            if not entries and parent:
                yield "", LandingFolder(parent)
            for entry in entries:
                if deep and isinstance(entry, LandingFolder):
                    waiting.append(f"{parent}/{entry.name}" if parent else entry.name)
                else:
                    yield parent, entry

    def named(self, folder: str, names: Sequence[str]) -> Iterator[LandingFile]:
        """Yield the files of these names in a folder, see `Files`."""
        for name in names:
            path = os.path.join(self._root, folder, name)
            try:
                found = os.stat(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise LandingError(f"{path} cannot be read ({error.strerror})") from None
            if stat.S_ISREG(found.st_mode) and not self._leads_out(path):
                yield _file(path, found)

    def open(self, file: LandingFile) -> BinaryIO:
        """Open a file for reading its bytes, see `Files`."""
        try:
            opened = open_plain_file(file.path)
        except OSError as error:
            why = error.strerror or error
            denied = isinstance(error, PermissionError)
            advice = "let the user of this process read it" if denied else "upload it again"
            raise LandingError(f"{file.path} cannot be opened ({why}); {advice}") from error
        if file.identity not in ("", _identity(os.fstat(opened.fileno()))):
            opened.close()
            raise changed_while_read(file.path)
        return opened

    def _entries(self, path: str) -> Sequence[Entry]:
        with os.scandir(path) as found:
            entries = (self._entry(entry, path) for entry in found if not is_marker(entry.name))
            return [entry for entry in entries if entry is not None]

    def _entry(self, entry: os.DirEntry[str], folder: str) -> Entry | None:
        """Return a file, a folder, or something else with the reason; None if it is gone."""
        try:
            if entry.is_dir():
                if entry.is_symlink() and _leads_up(entry.path, folder):
                    return self._not_read(entry, reasons.LOOP)
                if entry.is_symlink() and self._leads_out(entry.path):
                    return self._not_read(entry, reasons.OUTSIDE)
                return LandingFolder(entry.name)
            found = entry.stat()
        except FileNotFoundError:
            return self._not_read(entry, reasons.NOWHERE) if entry.is_symlink() else None
        except OSError as error:
            if not entry.is_symlink():
                raise
            reason = reasons.LOOP if error.errno == ELOOP else reasons.CLOSED
            return self._not_read(entry, reason)
        if not stat.S_ISREG(found.st_mode):
            return self._not_read(entry, (kind_of(found.st_mode), reasons.NO_FILE_ADVICE))
        if entry.is_symlink() and self._leads_out(entry.path):
            return self._not_read(entry, reasons.OUTSIDE)
        return _file(entry.path, found)

    def _leads_out(self, path: str) -> bool:
        """Return True if a path leads out of the folder by a link that is not followed."""
        if self._follows_links:
            return False
        return not Path(os.path.realpath(path)).is_relative_to(self._real_root)

    def _not_read(self, entry: os.DirEntry[str], reason: tuple[str, str]) -> Unmatched:
        return Unmatched(os.path.relpath(entry.path, self._root), *reason)


def _file(path: str, found: os.stat_result) -> LandingFile:
    name, changed = os.path.basename(path), str(found.st_mtime_ns)
    return LandingFile(path, name, found.st_size, changed, _identity(found))


def _identity(found: os.stat_result) -> str:
    # A program may set the time of a change, but not that of its call to do so.
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def _leads_up(link: str, folder: str) -> bool:
    """Return True if a link in a folder leads to this folder or to one above it."""
    target = os.stat(link)
    place = Path(os.path.abspath(folder))
    return any(os.path.samestat(target, os.stat(above)) for above in (place, *place.parents))


def _not_listed(path: str, error: OSError) -> LandingError:
    place = path.rstrip("/")
    if isinstance(error, NotADirectoryError):
        return LandingError(f"{place} is not a folder; AMAZON_REVIEWS_LANDING must hold one")
    return LandingError(
        f"{place} cannot be listed ({error.strerror}); let the user of this process read it, or "
        "remove it"
    )
