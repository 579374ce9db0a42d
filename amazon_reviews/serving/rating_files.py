"""Files of ratings in the layouts in which they circulate, with or without a header."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from amazon_reviews.errors import InputFileError
from amazon_reviews.models.recommender.interactions import LONGEST_ID, Interactions
from amazon_reviews.serving.input_files import COLONS, Sample, delimited_rows, number, sample

ROLES = ("user", "item", "rating", "timestamp")
_NAMES = {
    "user": ("user", "userid", "reviewerid", "customerid"),
    "item": ("item", "itemid", "parentasin", "asin", "productid", "movieid", "titleid"),
    "rating": ("rating", "overall", "stars", "starrating", "score"),
    "timestamp": ("timestamp", "unixreviewtime", "time", "reviewdate", "date"),
}
"""Names of columns, as letters in lower case only. The first name in a header counts."""

_DELIMITERS = {
    COLONS: "::-separated",
    "\t": "tab-separated",
    ",": "CSV",
    ";": "CSV with semicolons",
}
_KNOWN = (
    "Known are files with a header (user, item, rating, timestamp; user_id, parent_asin, …; "
    "asin, reviewerID, …; UserId, ProductId, …; userId, movieId, …), and without one: item, user, "
    "rating, timestamp of Amazon; u.data and ratings.dat of MovieLens. "
    "Or name the columns: --columns user,item,rating,timestamp"
)
_USER_OF_AMAZON = re.compile(r"A[0-9A-Z]{9,27}")
# Some products have such an id too, and a few users have another.
_MOST, _FEW = 0.9, 0.1
_FLOAT_ID = r"^[0-9]+\.0$"
_MILLISECONDS_FROM = 1e11
"""As seconds, a number from here on would be in the year 5138 or later."""
_ROWS_AT_ONCE = 50_000


class Ratings(NamedTuple):
    """The ratings of a file, and a sentence about the file.

    `milliseconds` since 1970 are the times of the interactions, whose own times are seconds.
    """

    interactions: Interactions
    milliseconds: NDArray[np.int64]
    summary: str


@dataclass(frozen=True)
class _Layout:
    """The delimiter of a file, and the role of each column, "" for none.

    `header` is the first line of a file whose first line is no rating.
    """

    delimiter: str
    quoted: bool
    columns: tuple[str, ...]
    header: tuple[str, ...] = ()

    def places(self) -> list[int]:
        return [self.columns.index(role) for role in ROLES]

    def __str__(self) -> str:
        form = _DELIMITERS[self.delimiter]
        if not self.header:
            columns = ", ".join(column or "not read" for column in self.columns)
            return f"{form} without a header, columns {columns}"
        pairs = [*zip(self.columns, self.header, strict=True)]
        columns = ", ".join(f"{role} from {name}" for role, name in pairs if role in ROLES)
        rest = ", ".join(name or "''" for role, name in pairs if role not in ROLES)
        return f"{form} with a header, {columns}" + (f", not read: {rest}" if rest else "")


def read_ratings(path: Path, columns: Sequence[str] | None = None) -> Ratings:
    """Read a file of ratings; a rating of 0 means unrated and is skipped.

    Delimiter, header and columns are found out from the content. `columns` names them by place
    instead; names that are no role are ignored columns. If all users, or all items, are written
    like `1.0` (pandas may do so), they are read as `1`.

    Raises:
        InputFileError: the file cannot be read or understood, has a row that is not a rating, or
            has no rating.
    """
    layout = _layout(sample(path), str(path), columns)
    chunks: list[tuple[pa.Array, pa.Array, NDArray[np.float32], NDArray[np.int64]]] = []
    rows = unrated = 0
    ratings = _ratings(path, layout)
    # Python's objects take ten times the memory of arrays.
    while chunk := list(islice(ratings, _ROWS_AT_ONCE)):
        rated = [row for row in chunk if row[2]]
        rows += len(chunk)
        unrated += len(chunk) - len(rated)
        if rated:
            users, items, stars, times = zip(*rated, strict=True)
            arrays = np.array(stars, np.float32), np.array(times, np.int64)
            chunks.append((pa.array(users, pa.string()), pa.array(items, pa.string()), *arrays))
    if not chunks:
        raise InputFileError(
            f"{path} has no ratings" + (" but 0, which is none" if unrated else "")
        )
    all_users, all_items, all_stars, all_times = zip(*chunks, strict=True)
    interactions = Interactions.from_rows(
        _without_decimals(pa.chunked_array(all_users)),
        _without_decimals(pa.chunked_array(all_items)),
        np.concatenate(all_stars),
        np.concatenate(all_times),
    )
    milliseconds = interactions.times
    repeated = rows - unrated - len(interactions)
    return Ratings(
        replace(interactions, times=milliseconds // 1000),
        milliseconds,
        f"{path}: {layout}; {rows:,} rows, {unrated:,} skipped as unrated (rating 0), "
        f"{repeated:,} replaced by a later rating of the same user and item",
    )


def _layout(start: Sample, name: str, columns: Sequence[str] | None) -> _Layout:
    """Return the layout of a file: the first that fits, by delimiter."""
    first_line = start.first_line()
    if not first_line:
        raise InputFileError(f"{name} is empty")
    missing: list[str] = []
    for delimiter in _DELIMITERS:
        quoted = start.is_quoted(delimiter)
        rows = start.rows(delimiter, quoted=quoted)
        header = tuple(rows[0]) if rows else ()
        if columns is not None:
            if len(header) == len(columns):
                is_rating = _is_rating(header, columns)
                return _Layout(delimiter, quoted, tuple(columns), () if is_rating else header)
        elif any(roles := _roles_of(header)):
            missing = [role for role in ROLES if role not in roles]
            if not missing:
                return _Layout(delimiter, quoted, roles, header)
        elif len(header) >= len(ROLES) and _is_rating(header, ROLES):
            unread = [""] * (len(header) - len(ROLES))
            return _Layout(delimiter, quoted, (*_order(rows, delimiter, name), *unread))
    if columns is not None:
        problem = f"has not the {len(columns)} columns of --columns"
    elif missing:
        problem = f"has no column {', '.join(missing)}"
    else:
        problem = "is no known file of ratings"
    raise InputFileError(f"{name} {problem}: its first line is {first_line!r}. {_KNOWN}")


def _roles_of(header: Sequence[str]) -> tuple[str, ...]:
    """Return the role of each column of a header, "" for a column without one."""
    letters = [re.sub(r"[^a-z]", "", column.lower()) for column in header]
    places = {
        next((letters.index(name) for name in names if name in letters), None): role
        for role, names in _NAMES.items()
    }
    return tuple(places.get(place, "") for place in range(len(header)))


def _order(rows: Sequence[Sequence[str]], delimiter: str, name: str) -> Sequence[str]:
    """Return the order of the columns of a file without a header, from its ids."""
    pairs = [(row[0].strip(), row[1].strip()) for row in rows if len(row) > 1]
    shares = [
        sum(bool(_USER_OF_AMAZON.fullmatch(name)) for name in names) / len(pairs)
        for names in zip(*pairs, strict=True)
    ]
    by_user, by_item = ROLES, ("item", "user", "rating", "timestamp")
    if shares[0] >= _MOST and shares[1] <= _FEW:
        return by_user
    if shares[1] >= _MOST and shares[0] <= _FEW:
        return by_item
    numeric = all(first.isdigit() and second.isdigit() for first, second in pairs)
    if numeric and delimiter in ("\t", COLONS):
        return by_user
    first, second = pairs[0]
    raise InputFileError(
        f"{name}: line 1 can mean user {first} and item {second}, or item {first} and user "
        f"{second}; add --columns {','.join(by_user)} or --columns {','.join(by_item)}"
    )


def _is_rating(row: Sequence[str], columns: Sequence[str]) -> bool:
    try:
        _rating([row[columns.index(role)].strip() for role in ROLES])
    except (ValueError, IndexError):
        return False
    return True


def _ratings(path: Path, layout: _Layout) -> Iterator[tuple[str, str, float, int]]:
    """Yield user, item, stars and milliseconds since 1970."""
    rows = delimited_rows(path, str(path), layout.delimiter, quoted=layout.quoted)
    user, item, rating, timestamp = layout.places()
    for line, row in islice(rows, int(bool(layout.header)), None):
        fields = row[user], row[item], row[rating], row[timestamp]
        try:
            yield _rating([field.strip() for field in fields])
        except ValueError as error:
            raise InputFileError(f"{path}, line {line}: {error}") from None


def _rating(fields: Sequence[str]) -> tuple[str, str, float, int]:
    user, item, rating, timestamp = fields
    for column, text in (("user", user), ("item", item)):
        if not text:
            raise ValueError(f"{column} is empty")
        if len(text) > LONGEST_ID:
            raise ValueError(f"{column} has {len(text)} characters, at most are {LONGEST_ID}")
    stars = number(rating)
    if stars is None or abs(stars) > 1e6:
        raise ValueError(f"rating {rating!r} is not a number")
    return user, item, stars, _milliseconds(timestamp)


def _milliseconds(text: str) -> int:
    """Return the milliseconds since 1970 of a number of seconds or milliseconds, or of a date."""
    try:
        value = float(text)
    except ValueError:
        return _milliseconds_of_date(text)
    if not math.isfinite(value) or abs(value) > 1e15:
        raise ValueError(f"timestamp {text!r} is not a number of seconds since 1970")
    return int(value if abs(value) >= _MILLISECONDS_FROM else value * 1000)


def _milliseconds_of_date(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"timestamp {text!r} is neither a number of seconds since 1970 nor a date"
        ) from None
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)


def _without_decimals(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    if pc.all(pc.match_substring_regex(ids, _FLOAT_ID)).as_py():
        return pc.replace_substring_regex(ids, r"\.0$", "")
    return ids
