"""The sequence numbers of the events that bronze holds, from the narrow columns of its rows."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.pipeline.capture_events import CapturedNumbers
from amazon_reviews.pipeline.sequence_numbers import Numbers
from amazon_reviews.resources.event_hub import Span
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas.layers import BRONZE_REVIEW_EVENTS

_KEY = BRONZE_REVIEW_EVENTS.key
# Stands for an enqueued time that the hub did not send.
_NEVER = -1


def held_numbers(lakehouse: Lakehouse, hub: str, partition: str, span: Span) -> Numbers:
    """Return the numbers of a span whose events bronze holds; memory is bounded."""
    held = Numbers()
    for batch in _scan(lakehouse, hub, partition, span):
        held |= Numbers.of(batch.numbers)
    return held


def compare_events(
    lakehouse: Lakehouse, hub: str, partition: str, captured: CapturedNumbers
) -> tuple[Numbers, Numbers]:
    """Return the numbers that bronze holds, and those with another enqueued time in bronze.

    Capture cuts off the fractions of seconds.
    """
    held, others = Numbers(), Numbers()
    order = np.argsort(captured.numbers, kind="stable")
    numbers, seconds = captured.numbers[order], captured.seconds[order]
    if not numbers.size:
        return held, others
    for batch in _scan(lakehouse, hub, partition, Span(int(numbers[0]), int(numbers[-1]))):
        position = np.minimum(np.searchsorted(numbers, batch.numbers), len(numbers) - 1)
        same = numbers[position] == batch.numbers
        known = batch.seconds > _NEVER
        apart = same & known & (np.abs(seconds[position] - batch.seconds) > 1)
        held |= Numbers.of(batch.numbers)
        others |= Numbers.of(batch.numbers[apart])
    return held, others


def holds_rows(
    lakehouse: Lakehouse, hub: str, partition: str, rows: Iterable[pa.RecordBatch]
) -> bool:
    """Return True if bronze holds exactly these bodies for the events of these few rows."""
    columns = ["sequence_number", "record", "body"]
    expected = {row for batch in rows for row in _tuples(batch.select(columns))}
    numbers = {number for number, *_ in expected}
    held = (
        lakehouse.delta(_KEY)
        .to_pyarrow_dataset(schema=BRONZE_REVIEW_EVENTS.arrow_schema)
        .to_table(
            columns=columns,
            filter=(pc.field("hub") == hub)
            & (pc.field("hub_partition") == partition)
            & pc.field("sequence_number").isin([*numbers]),
        )
    )
    return {*_tuples(held)} == expected


def _tuples(rows: pa.Table | pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def _scan(lakehouse: Lakehouse, hub: str, partition: str, span: Span) -> Iterator[CapturedNumbers]:
    if span.first > span.last or not lakehouse.exists(_KEY):
        return
    number = pc.field("sequence_number")
    batches = (
        lakehouse.delta(_KEY)
        .to_pyarrow_dataset()
        .to_batches(
            columns=["sequence_number", "enqueued_at"],
            filter=(pc.field("hub") == hub)
            & (pc.field("hub_partition") == partition)
            & (number >= span.first)
            & (number <= span.last),
        )
    )
    for batch in batches:
        if batch.num_rows:
            microseconds = batch["enqueued_at"].cast("int64").fill_null(_NEVER).to_numpy()
            yield CapturedNumbers(batch["sequence_number"].to_numpy(), microseconds // 1_000_000)
