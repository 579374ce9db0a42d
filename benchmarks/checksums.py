"""The kept SHA-256 sums of generated landing zones: other content gives other figures."""

import gzip
import hashlib
import json
from pathlib import Path

KEPT = Path(__file__).with_name("checksums.json")
_DATASETS = ("amazon_reviews", "amazon_metadata")
_BLOCK = 1 << 20


class ChecksumError(RuntimeError):
    """A generated landing zone whose content is not that of the kept sum."""


def checksum(landing: Path) -> str:
    """Return one SHA-256 over names and decompressed bytes of all files, in order of their names.

    The bytes are decompressed, since versions of zlib compress them differently.
    """
    digest = hashlib.sha256()
    paths = [path for dataset in _DATASETS for path in (landing / dataset).rglob("*.gz")]
    for path in sorted(paths):
        digest.update(path.relative_to(landing).as_posix().encode())
        with gzip.open(path) as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def check(landing: Path, reviews: int, partitions: int, profile: str, kept: Path = KEPT) -> str:
    """Return the sum of a landing zone, and "kept" or "not a kept sum" after it.

    Raises:
        ChecksumError: The kept sum of this size, number of partitions and profile is another one.
    """
    name = f"{profile}, {reviews} reviews, {partitions} partitions"
    found = checksum(landing)
    expected = json.loads(kept.read_text()).get(name)
    if expected is None:
        return f"{found}, not a kept sum"
    if found != expected:
        raise ChecksumError(f"generated {name}: expected SHA-256 {expected}, found {found}")
    return f"{found}, as kept"
