"""Freshness: the age of the newest review or event, where new ones are expected.

A build says nothing about it: a table that was built today may hold reviews of 2014 only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.marts import FRESHNESS

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Freshness:
    """The newest review or event by its own time, its age, and the limit of the age.

    `newest` and `age` are None without a dated row. A date after tomorrow is no sign of new data:
    `future` is the latest such date.
    """

    newest: datetime | None
    age: timedelta | None
    limit: timedelta
    future: datetime | None

    @property
    def is_fresh(self) -> bool:
        """True if the age is within the limit, or nothing is there yet."""
        return self.future is None if self.age is None else self.age <= self.limit


def freshness(lakehouse: Lakehouse, hours: int, now: datetime) -> Freshness:
    """Return the freshness of the reviews, from gold/freshness.

    A review counts as written at the end of its day, an event when the hub received it.
    """
    times = [*_times(lakehouse)]
    # Some time zones are a day ahead of UTC.
    past = [min(moment, now) for moment in times if moment <= now + 2 * _DAY]
    future = [moment - _DAY for moment in times if moment > now + 2 * _DAY]
    newest = max(past, default=None)
    return Freshness(
        newest,
        None if newest is None else now - newest,
        timedelta(hours=hours),
        max(future, default=None),
    )


def _times(lakehouse: Lakehouse) -> Iterator[datetime]:
    if not lakehouse.exists(FRESHNESS.key):
        return
    columns = ["last_on", "newest_event_at"]
    for row in lakehouse.delta(FRESHNESS.key).to_pyarrow_table(columns=columns).to_pylist():
        if row["last_on"]:
            yield datetime.combine(row["last_on"], time(), UTC) + _DAY
        if row["newest_event_at"]:
            yield row["newest_event_at"]
