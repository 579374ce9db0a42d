"""Damage to stored files."""

import os
from pathlib import Path


def flip(path: Path, place: int | None = None) -> None:
    """Change one bit of a file, by default in its middle, and nothing else about the file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1
    stat = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
