"""Downloads of published JSON lines into a landing zone, which a killed process can resume.

The bytes go to `.NAME.part`, and the version that they belong to into `.NAME.part.json`. A file
gets its own name only when it is complete and verified; `.NAME.json` then states its version. A
landing zone ignores names that begin with a dot.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

from isal import igzip

from amazon_reviews.atomic_file import replace_file
from amazon_reviews.config import LANDING
from amazon_reviews.disk import Place, check_room
from amazon_reviews.errors import DownloadError, LandingError, NotPublishedError
from amazon_reviews.resources.download.files import (
    DownloadFiles,
    locked,
    unwritable,
)
from amazon_reviews.resources.download.gzip_stream import DAMAGED, Inflater, LineCount
from amazon_reviews.resources.download.http_file import (
    OtherVersionError,
    Response,
    RetryableError,
    Version,
    requested,
    shown,
)

TRIES = 4
"""Attempts in a row that bring no new byte, before a download fails."""

# A longer wait is left to the person, who may have something else to do.
_LONGEST_WAIT_SECONDS = 300.0
_CHUNK_BYTES = 1 << 20
_T = TypeVar("_T")


class Watcher(Protocol):
    """Shows the progress of a download to people."""

    def advance(self, step: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` bytes (lines, if only some are fetched) are done."""

    def remark(self, text: str) -> None:
        """Show an event that delays the download."""


def fetch(
    urls: Sequence[str],
    final: Path,
    watcher: Watcher,
    rows: int | None = None,
    wait: Callable[[float], object] = time.sleep,
) -> bool:
    """Bring the file at the first of `urls` that exists to `final`, compressed with gzip.

    With `rows` only its first lines are downloaded. Returns False if `final` was the file already.
    After an error or a kill, the next call continues.

    Raises:
        NotPublishedError: no address has a file.
        DownloadError: the file cannot be downloaded, or is damaged.
        LandingError: `final` cannot be written, or was not fetched from there.
        StorageError: its folder is full, or cannot be written to.
        UsageError: another process downloads this file.
    """
    files = DownloadFiles(final)
    first, *others = urls
    try:
        with locked(files):
            try:
                return _Download(first, files, watcher, rows, wait).run()
            except NotPublishedError:
                for url in others:
                    with suppress(NotPublishedError):
                        return _Download(url, files, watcher, rows, wait).run()
                raise
    except OSError as error:
        raise unwritable(final, error) from None


@dataclass(frozen=True)
class _Download:
    """The download of the file at one address; see `fetch`."""

    url: str
    files: DownloadFiles
    watcher: Watcher
    rows: int | None
    wait: Callable[[float], object]

    def run(self) -> bool:
        # With a part, the decision to replace the file was made before.
        if self.files.final.exists() and not self.files.part.exists() and self._is_current():
            return False
        try:
            self._finish(self._retried(self._receive))
        except DAMAGED as error:
            self.files.discard_part()
            raise self._unusable(f"is damaged ({error})") from None
        return True

    def _is_current(self) -> bool:
        """Return True if the file is the published one, False if it is an older version of it.

        Raises:
            LandingError: it is a file of another origin, which must not be replaced.
        """
        final = self.files.final
        published = self._retried(self._published)
        size = final.stat().st_size
        version, facts = self.files.saved("json") or (None, {})
        if version and facts.get("size") == size:
            # Another server has other ETags and times, and some have none.
            if version.url != published.url or not (published.etag or published.modified):
                return published.length is not None and version.length == published.length
            return version.matches(published)
        if not self.rows and size == published.length and not self._problem(final, published):
            self.files.save("json", published, size=size)
            return True
        raise LandingError(
            f"{final} exists and is not the file of {shown(self.url)}, or was changed later; move "
            "it away, and fetch again"
        )

    def _published(self) -> Version:
        with requested(self.url) as response:
            return response.version

    def _retried(self, action: Callable[[], _T]) -> _T:
        """Return the result of `action`, repeated with growing waits while it can help."""
        best, failures = self.files.part_size, 0
        while True:
            try:
                return action()
            except RetryableError as error:
                if isinstance(error, OtherVersionError):
                    self.files.discard_part()
                failures = 0 if self.files.part_size > best else failures + 1
                best = max(best, self.files.part_size)
                seconds = 2.0**failures if error.seconds is None else error.seconds
                if failures >= TRIES or seconds > _LONGEST_WAIT_SECONDS:
                    size = self.files.part_size
                    rest = f", which continues after the first {size:,} bytes" if size else ""
                    raise DownloadError(f"{error}; fetch again later{rest}") from None
                self.watcher.remark(f"{error}; next attempt in {seconds:.0f} s")
                self.wait(seconds)

    def _receive(self) -> Version:
        """Receive the missing bytes in one request; return the version of the part.

        Raises:
            RetryableError: bytes are still missing.
        """
        version, _ = self.files.saved("part.json") or (None, {})
        # Without a validator, the rest could be that of another version.
        resumes = version and version.url == shown(self.url) and version.validator
        start = self.files.part_size if resumes else 0
        lines = LineCount(self.rows)
        if version and start:
            lines.read(self.files.part)
            if lines.suffice or start == version.length:
                return version
        with requested(self.url, start, version) as response:
            chunks = iter(response)
            first = next(chunks, b"")
            version = self._continued(response, start, version, first)
            if not response.start:
                lines = LineCount(self.rows)
            with self.files.part.open("ab") as part:
                for chunk in chain([first], chunks):
                    part.write(chunk)
                    lines.add(chunk)
                    self._show(lines, part.tell(), version)
                    if lines.suffice:
                        return version
        if version.length is not None and self.files.part_size < version.length:
            raise RetryableError(f"the connection to {shown(self.url)} broke")
        return version

    def _continued(
        self, response: Response, start: int, version: Version | None, first: bytes
    ) -> Version:
        """Prepare the part for the bytes of a response, from `start` on or all of them."""
        if response.start:
            if not version or response.start != start or not version.matches(response.version):
                raise OtherVersionError(f"{shown(self.url)} has changed")
        else:
            _check_start(response, first)
            if start:
                self.watcher.remark(f"{shown(self.url)} has changed, or has no ranges: from zero")
            self.files.discard_part()
            version = response.version
            self.files.save("part.json", version)
        if not self.rows and version.length is not None:
            check_room(Place(LANDING, self.files.final.parent), version.length - response.start)
        return version

    def _show(self, lines: "LineCount", size: int, version: Version) -> None:
        done, total = (
            (min(lines.count, self.rows), self.rows) if self.rows else (size, version.length)
        )
        self.watcher.advance("download", done, total)

    def _finish(self, version: Version) -> None:
        """Verify the part, and move it to the final name."""
        files, ready = self.files, self.files.part
        # Of a file that was not received to its end, nothing can be verified but its lines.
        whole = not self.rows or files.part_size == version.length
        if whole and (problem := self._problem(ready, version)):
            files.discard_part()
            raise self._unusable(problem)
        if self.rows or not _compressed(ready):
            ready = files.hidden("packed")
            self._pack(ready)
        # Saved before the move: after a kill in between, the part is still here and decides.
        files.save("json", version, size=ready.stat().st_size)
        replace_file(ready, files.final)
        files.discard_part()

    def _unusable(self, problem: str) -> DownloadError:
        return DownloadError(
            f"{shown(self.url)} {problem}; nothing of it is kept, so fetch again, or from a mirror "
            "with --url"
        )

    def _problem(self, path: Path, version: Version) -> str | None:
        """Read a whole file; return what is wrong with it, None if nothing is."""
        algorithm, _, expected = version.checksum.partition(":")
        digest = hashlib.new(algorithm, usedforsecurity=False) if algorithm else None
        inflater = Inflater()
        try:
            for chunk in self._chunks(path, "check"):
                if digest:
                    digest.update(chunk)
                inflater.feed(chunk)
        except DAMAGED as error:
            return f"is damaged ({error})"
        if digest and digest.hexdigest() != expected:
            return f"does not have the {algorithm} checksum that its server states"
        if not inflater.complete:
            return "breaks off in the middle"
        if not _compressed(path) and version.length is None:
            return "has no length and no gzip checksum, so that its end cannot be verified"
        return None

    def _pack(self, target: Path) -> None:
        """Write the lines of the part, or the first of them, to a file compressed with gzip."""
        inflater, left = Inflater(), self.rows
        # Without a time, equal lines give equal bytes.
        with igzip.IGzipFile(str(target), "wb", mtime=0) as packed:
            for chunk in self._chunks(self.files.part, "compress"):
                data = inflater.feed(chunk)
                if left is not None and (count := data.count(b"\n")) >= left:
                    packed.write(b"".join(line + b"\n" for line in data.split(b"\n", left)[:left]))
                    return
                left = left and left - count
                packed.write(data)
        if left:
            self.watcher.remark(
                f"{shown(self.url)} has fewer than {self.rows} lines: all are taken"
            )

    def _chunks(self, path: Path, step: str) -> Iterator[bytes]:
        size, done = path.stat().st_size, 0
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
                done += len(chunk)
                self.watcher.advance(step, done, size)


def _compressed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == b"\x1f"


def _check_start(response: Response, first: bytes) -> None:
    """Raise DownloadError if a response does not begin as JSON lines or a gzip file do."""
    url, length = shown(response.version.url), response.version.length
    if not first:
        if length == 0:
            raise DownloadError(f"{url} is empty; give another address with --url")
        raise RetryableError(f"the connection to {url} broke")
    if response.media_type == "text/html" or first[:1] not in (b"\x1f", b"{"):
        raise DownloadError(
            f"{url} answers with {response.media_type}, which is neither gzip nor JSON lines: it "
            "may be a page of a proxy, or a login; check HTTPS_PROXY, or give a mirror with --url"
        )
