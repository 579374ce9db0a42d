"""Freshness: judged by the time of the newest review or event, never by the time of a build."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from amazon_reviews.pipeline.freshness import freshness
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS
from amazon_reviews.schemas.marts import FRESHNESS

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def write(lakehouse, *rows):
    """Store the mart with rows of a source, its newest day and its newest event."""
    columns = ("source", "last_on", "newest_event_at")
    table = pa.Table.from_pylist(
        [dict(zip(columns, row, strict=True)) for row in rows], FRESHNESS.arrow_schema
    )
    lakehouse.ensure(FRESHNESS.key)
    lakehouse.write(table, FRESHNESS.key, replacing=ALL_ROWS)


@pytest.mark.parametrize(
    ("rows", "hours", "fresh", "age"),
    [
        ([], 48, True, None),
        ([("batch", None, None)], 48, True, None),
        ([("batch", date(2026, 6, 14), None)], 12, True, timedelta(hours=12)),
        ([("batch", date(2026, 6, 14), None)], 11, False, timedelta(hours=12)),
        ([("batch", date(2026, 6, 15), None)], 1, True, timedelta(0)),
        # Far east, today has begun already.
        ([("batch", date(2026, 6, 16), None)], 1, True, timedelta(0)),
        # Old reviews that were loaded a minute ago.
        ([("batch", date(2014, 7, 23), None)], 48, False, NOW - datetime(2014, 7, 24, tzinfo=UTC)),
        ([("stream", date(2014, 1, 1), NOW - timedelta(hours=3))], 4, True, timedelta(hours=3)),
        (
            [("batch", date(2014, 1, 1), None), ("stream", None, NOW - timedelta(hours=5))],
            4,
            False,
            timedelta(hours=5),
        ),
        # A wrong date does not hide that nothing arrives.
        (
            [("batch", date(2099, 1, 1), None), ("stream", None, NOW - timedelta(hours=5))],
            4,
            False,
            timedelta(hours=5),
        ),
    ],
)
def test_age_is_that_of_the_newest_review_or_event(lakehouse, rows, hours, fresh, age):
    write(lakehouse, *rows)

    found = freshness(lakehouse, hours, NOW)

    assert (found.is_fresh, found.age, found.limit) == (fresh, age, timedelta(hours=hours))


def test_only_a_date_in_the_future_is_not_fresh_and_is_named(lakehouse):
    write(lakehouse, ("batch", date(2099, 1, 1), None))

    found = freshness(lakehouse, 48, NOW)

    assert (found.is_fresh, found.newest, found.future) == (
        False,
        None,
        datetime(2099, 1, 1, tzinfo=UTC),
    )


def test_a_lakehouse_without_tables_is_not_stale(lakehouse):
    assert freshness(lakehouse, 48, NOW).is_fresh
