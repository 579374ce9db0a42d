"""Damaged data files of a local lakehouse, as the errors of the engine and of Arrow name them."""

import re
from pathlib import Path

from amazon_reviews.config import is_remote

_PATH = re.compile(r"[^\s'\"]+\.parquet")


def describe_damaged_file(location: str, error: BaseException) -> str | None:
    """Return which data file an error is about, and what to do; None if it names none."""
    if is_remote(location):
        return None
    for path in _PATH.findall(str(error)):
        # The engine leaves out the first slash, Arrow the folder of the table.
        _, is_below, below = path.partition(f"{location.strip('/')}/")
        if not is_below:
            found = next(Path(location).glob(f"*/*/{path}"), None)
            below = found.relative_to(location).as_posix() if found else ""
        key = "/".join(below.split("/")[:2])
        if Path(location, key, "_delta_log").is_dir():
            return (
                f"the data file {below} cannot be read; `amazon-reviews run --rebuild {key}` "
                "builds the table again, as far as its inputs are there"
            )
    return None
