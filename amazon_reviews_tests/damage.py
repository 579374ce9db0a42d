"""Damage to stored files."""

import os
from pathlib import Path


def flip(path: Path, place: int | None = None) -> None:
    """Change one bit of a file, by default in its middle, and nothing else about the file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1
    _replace(path, bytes(content))


def wipe_page(database: Path) -> None:
    """Overwrite the second page of a SQLite file with zeros, and change nothing else about it."""
    content = bytearray(database.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    content[size : 2 * size] = bytes(size)
    _replace(database, bytes(content))


def _replace(path: Path, content: bytes) -> None:
    stat = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
