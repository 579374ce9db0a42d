"""The room that a build of a table needs in a local lakehouse."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from amazon_reviews.config import LAKEHOUSE, is_remote
from amazon_reviews.disk import Place, check_room

_LEAST_BYTES = 1 << 20
"""Room for the entries of the log, without which no commit is complete."""


def check_room_of(location: str, needed: int) -> None:
    """Raise StorageError if `needed` more bytes do not fit in a local lakehouse."""
    if not is_remote(location):
        check_room(Place(LAKEHOUSE, Path(location)), max(needed, _LEAST_BYTES))


def stored_bytes(
    table: DeltaTable, replacing: Mapping[str, Sequence[str | int]] | str | None
) -> int:
    """Return the size of the files whose rows are replaced; a text stands for all rows."""
    if replacing is None:
        return 0
    # Arrow's own constructor of a table would load pandas, which takes most of a second.
    actions = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()
    if isinstance(replacing, Mapping):
        for column, values in replacing.items():
            name = f"partition.{column}"
            if name in actions.column_names:
                texts = pc.cast(actions[name], pa.string())
                actions = actions.filter(pc.is_in(texts, pa.array([*map(str, values)])))
    return sum(actions["size_bytes"].to_pylist())
