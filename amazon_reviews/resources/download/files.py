"""The hidden files beside a file that is downloaded, its lock, and errors of its folder."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from amazon_reviews.atomic_file import replacing
from amazon_reviews.config import LANDING
from amazon_reviews.disk import Place, storage_error
from amazon_reviews.errors import AmazonReviewsError, LandingError, StorageError, UsageError
from amazon_reviews.resources.download.http_file import Version


@dataclass(frozen=True)
class DownloadFiles:
    """A file, and the hidden files beside it that belong to its download."""

    final: Path

    def hidden(self, suffix: str) -> Path:
        """Return the path of a file beside it."""
        return self.final.with_name(f".{self.final.name}.{suffix}")

    @property
    def part(self) -> Path:
        """The bytes that have arrived."""
        return self.hidden("part")

    @property
    def part_size(self) -> int:
        """Number of bytes that have arrived."""
        return self.part.stat().st_size if self.part.exists() else 0

    def save(self, suffix: str, version: Version, **facts: int) -> None:
        """Write a version, and facts with it."""
        with replacing(self.hidden(suffix)) as file:
            file.write(json.dumps(asdict(version) | facts).encode())

    def saved(self, suffix: str) -> tuple[Version, dict[str, Any]] | None:
        """Return a saved version with its facts; None if it is missing or unreadable."""
        with suppress(FileNotFoundError, ValueError, TypeError, KeyError):
            facts = json.loads(self.hidden(suffix).read_bytes())
            fields = {name: facts.pop(name) for name in asdict(Version(""))}
            return Version(**fields), facts
        return None

    def discard_part(self) -> None:
        """Remove what belongs to a download that is not complete."""
        for suffix in ("part", "part.json", "packed"):
            self.hidden(suffix).unlink(missing_ok=True)


@contextmanager
def locked(files: DownloadFiles) -> Iterator[None]:
    """Let one process at a time download a file; remove the folder again if it stays empty."""
    folder = files.final.parent
    folder.mkdir(parents=True, exist_ok=True)
    path = files.hidden("lock")
    try:
        # No soft lock: that of a killed process would stay.
        lock = FileLock(path, timeout=0, fallback_to_soft=False)
        with lock:
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
                with suppress(OSError):
                    folder.rmdir()
    except Timeout:
        raise UsageError(f"another process downloads {files.final}; wait for its end") from None


def unwritable(final: Path, error: OSError) -> AmazonReviewsError:
    """Return the error for a file that cannot be written."""
    if problem := storage_error(error, [Place(LANDING, final.parent)]):
        return StorageError(f"{problem}; the next fetch continues from there")
    return LandingError(
        f"{final} cannot be written ({error.strerror or error}); check AMAZON_REVIEWS_LANDING and "
        "the rights of its folders"
    )
