"""Names in the landing zone: partition keys, natural order, and names that have a meaning.

A partition key is the path of a folder or file below its dataset's folder, in characters that
Dagster, the Delta log and the command line accept. Other characters are percent-encoded as in an
address: `2023/08` is `2023%2F08`. `partition_path` returns the path of a key.
"""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import translate
from urllib.parse import quote, unquote

LONGEST_KEY = 240
"""Characters of a key in the name of a table's folder, as most file systems allow 255."""

MARKERS = (
    # Spark and Databricks: finished, failed and running jobs, and checksums.
    *("_SUCCESS", "_committed_*", "_started_*", "_metadata", "_common_metadata", "_temporary"),
    "*.crc",
    # Hadoop marks a folder of an object store so.
    "*_$folder$",
    # Uploads in progress and files of editors and operating systems.
    *(".*", "Thumbs.db", "desktop.ini"),
)
"""Names of files and folders that hold no data, and are left out without a report."""

PROFILES = ("profile.yaml", "profile.yml")
"""Names of files with a user-defined profile."""

_MARKER = re.compile("|".join(map(translate, MARKERS)))
_UNFINISHED = (".part", ".tmp", ".partial", ".filepart", ".crdownload")
# Dagster reads "a...b" as all partitions from a to b.
_PLAIN = re.compile(r"(?!.*\.\.\.)[A-Za-z0-9_.=-]*")
_DOTS = re.compile(r"\.{3,}")
# The partitions of the stream, see pipeline/segments.py, are in the same tables.
_STREAM = re.compile(r"s(?=tream(-|$))")


def partition_key(path: str) -> str:
    """Return the key of the partition with this path; `partition_path` is the inverse."""
    if _PLAIN.fullmatch(path):
        key = path
    else:
        # Of two paths that look alike, only one keeps its letters.
        composed = unicodedata.is_normalized("NFC", path)
        key = "".join(_escaped(character, composed) for character in path)
        key = _DOTS.sub(lambda dots: "%2E" * len(dots[0]), key)
    return _STREAM.sub("%73", key, count=1) if _STREAM.match(key) else key


def partition_path(key: str) -> str:
    """Return the path of the partition with this key, below its dataset's folder."""
    return unquote(key)


def is_too_long(key: str) -> bool:
    """Return True if the folder of a table cannot be named after the key."""
    return len(quote(key, safe="")) > LONGEST_KEY


def is_marker(name: str) -> bool:
    """Return True if a file or folder of this name holds no data, see `MARKERS`."""
    return bool(_MARKER.match(name))


def is_unfinished(name: str) -> bool:
    """Return True if a file of this name is an upload or download that has not ended."""
    return name.lower().endswith(_UNFINISHED)


def is_profile(name: str) -> bool:
    """Return True if a file of this name is a user-defined profile."""
    return name in PROFILES


def is_utf8(name: str) -> bool:
    """Return True if a name is text; Linux allows any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key with numbers by value: partition_2 before partition_10."""
    parts = re.split(r"(\d+)", partition_path(name))
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def natural_order(names: Iterable[str]) -> list[str]:
    """Return partition keys in the natural order of their paths."""
    return sorted(names, key=lambda name: (natural_key(name), name))


def look_alike(keys: Iterable[str]) -> list[str]:
    """Return the paths that differ from another one only in case or in Unicode form, sorted."""
    by_form: dict[str, list[str]] = {}
    for path in map(partition_path, keys):
        form = unicodedata.normalize("NFC", path).casefold()
        by_form.setdefault(form, []).append(path)
    return sorted(path for paths in by_form.values() if len(paths) > 1 for path in paths)


def _escaped(character: str, composed: bool) -> str:
    if character.isascii():
        return character if _PLAIN.fullmatch(character) else quote(character, safe="")
    return character if composed and character.isalpha() else quote(character)
