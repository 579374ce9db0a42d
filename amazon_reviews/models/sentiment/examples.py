"""Examples: the reviews of training and evaluation."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

COLUMNS = ("summary", "review_text", "overall", "reviewer_id", "reviewed_on", "main_category")
"""The columns of gold/reviews that an example has."""
MISSING_DAY = int(np.iinfo(np.int32).min)
"""The day of a review without one."""


@dataclass(frozen=True)
class Examples:
    """Reviews, one array element each.

    `summaries`, `texts`, `users` and `groups` are large strings and may be null. `stars` are
    floats, NaN if missing. `days` are days since 1970, `MISSING_DAY` if missing.
    """

    summaries: pa.Array
    texts: pa.Array
    stars: NDArray[np.float64]
    users: pa.Array
    days: NDArray[np.int32]
    groups: pa.Array

    @classmethod
    def from_arrow(cls, table: pa.Table | pa.RecordBatch) -> Self:
        """Return the examples of rows of gold/reviews; missing columns are null.

        `overall` may be any number and `reviewed_on` a date or a timestamp.

        Raises:
            pa.ArrowInvalid: a column has another type.
        """
        columns = {name: _column(table, name) for name in COLUMNS}
        stars = columns["overall"].cast(pa.float64())
        days = columns["reviewed_on"].cast(pa.date32()).cast(pa.int32())
        summaries, texts, users, groups = (
            columns[name].cast(pa.large_string())
            for name in ("summary", "review_text", "reviewer_id", "main_category")
        )
        return cls(
            summaries,
            texts,
            pc.fill_null(stars, float("nan")).to_numpy(),
            users,
            pc.fill_null(days, MISSING_DAY).to_numpy(),
            groups,
        )

    def __len__(self) -> int:
        return len(self.stars)

    def where(self, selected: NDArray[np.bool_]) -> "Examples":
        """Return the selected examples, in their order."""
        mask = pa.array(selected)
        return Examples(
            self.summaries.filter(mask),
            self.texts.filter(mask),
            self.stars[selected],
            self.users.filter(mask),
            self.days[selected],
            self.groups.filter(mask),
        )

    def slice(self, begin: int, rows: int) -> "Examples":
        """Return at most `rows` examples, from `begin` on."""
        end = begin + rows
        return Examples(
            self.summaries[begin:end],
            self.texts[begin:end],
            self.stars[begin:end],
            self.users[begin:end],
            self.days[begin:end],
            self.groups[begin:end],
        )


def concatenate(chunks: Sequence[Examples]) -> Examples:
    """Return the chunks as one, in their order."""
    if not chunks:
        return Examples.from_arrow(pa.table({}))
    return Examples(
        pa.concat_arrays([chunk.summaries for chunk in chunks]),
        pa.concat_arrays([chunk.texts for chunk in chunks]),
        np.concatenate([chunk.stars for chunk in chunks]),
        pa.concat_arrays([chunk.users for chunk in chunks]),
        np.concatenate([chunk.days for chunk in chunks]),
        pa.concat_arrays([chunk.groups for chunk in chunks]),
    )


def in_chunks(examples: "Examples | Iterable[Examples]") -> Iterator[Examples]:
    """Return an iterator over the chunks; a single chunk is an iterator of one."""
    return iter([examples] if isinstance(examples, Examples) else examples)


def _column(table: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    if name not in table.schema.names:
        return pa.nulls(table.num_rows)
    column = table.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
