"""What the recommender in use says of every user and product, as tables."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from amazon_reviews.models.recommender.interactions import Codes
from amazon_reviews.models.recommender.ranking import NOTHING, Items
from amazon_reviews.models.recommender.reasons import reasons
from amazon_reviews.models.recommender.recommender import Recommended
from amazon_reviews.models.recommender.storage import RecommenderModel, model_version
from amazon_reviews.pipeline.recommender.matrices import BUCKETS, bucket_of_each
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.schemas.recommender import RECOMMENDER_SIMILAR, RECOMMENDER_TOP

PLACES = 10
"""Products in each list."""
SERVED = "hybrid"
"""The method whose lists are kept in tables."""

_AT_ONCE = 10_000


@dataclass(frozen=True)
class Answered:
    """Rows that were written, askers, and how many of them are cold."""

    rows: int
    askers: int
    cold: int


def make_top(lakehouse: Lakehouse, model: RecommenderModel) -> dict[int, Answered]:
    """Make gold/recommender_top anew, a part of the users after the other; figures by bucket."""
    every = np.arange(len(model.user_ids), dtype=np.int32)
    version, buckets = model_version(model), bucket_of_each(len(every))
    found = {}
    for bucket in range(BUCKETS):
        counts = _Counts()
        rows = _top(model, every[buckets == bucket], bucket, version, counts)
        reader = pa.RecordBatchReader.from_batches(RECOMMENDER_TOP.arrow_schema, rows)
        lakehouse.write(reader, RECOMMENDER_TOP.key, replacing={"bucket": [bucket]})
        found[bucket] = counts.answered()
        advance(f"users {bucket + 1}/{BUCKETS}")
    return found


def make_similar(lakehouse: Lakehouse, model: RecommenderModel) -> Answered:
    """Make gold/recommender_similar anew, for every product that the model knows of."""
    counts = _Counts()
    rows = _similar(model, model_version(model), counts)
    reader = pa.RecordBatchReader.from_batches(RECOMMENDER_SIMILAR.arrow_schema, rows)
    lakehouse.write(reader, RECOMMENDER_SIMILAR.key, replacing=ALL_ROWS)
    return counts.answered()


class _Counts:
    """Counts what goes by."""

    def __init__(self) -> None:
        self._rows = self._askers = self._cold = 0

    def add(self, found: Recommended) -> None:
        self._rows += int((found.items != NOTHING).sum())
        self._askers += len(found.items)
        self._cold += int(found.cold.sum())

    def answered(self) -> Answered:
        return Answered(self._rows, self._askers, self._cold)


def _top(
    model: RecommenderModel, users: Codes, bucket: int, version: str, counts: _Counts
) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(users), _AT_ONCE):
        asked = users[start : start + _AT_ONCE]
        found = model.recommender.recommend(asked, PLACES)
        because = reasons(model.recommender, asked, found.items)
        counts.add(found)
        rows, places = np.nonzero(found.items != NOTHING)
        reason = because[rows, places]
        columns = [
            pa.array(model.user_ids[asked[rows]]),
            *_listed(model, found, rows, places),
            _names(model.item_ids, reason),
            pa.array(_ratings(model, asked[rows], reason), mask=reason == NOTHING),
            *_constant(len(rows), model.method, version),
            pa.array(np.full(len(rows), bucket, np.int32)),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=RECOMMENDER_TOP.arrow_schema)


def _similar(model: RecommenderModel, version: str, counts: _Counts) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(model.item_ids), _AT_ONCE):
        asked = np.arange(start, min(start + _AT_ONCE, len(model.item_ids)))
        found = model.recommender.similar(asked, PLACES)
        counts.add(found)
        rows, places = np.nonzero(found.items != NOTHING)
        columns = [
            pa.array(model.item_ids[asked[rows]]),
            *_listed(model, found, rows, places),
            *_constant(len(rows), model.method, version),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=RECOMMENDER_SIMILAR.arrow_schema)


def _listed(
    model: RecommenderModel, found: Recommended, rows: NDArray[np.intp], places: NDArray[np.intp]
) -> list[pa.Array]:
    """Place, product, score and whether it is cold."""
    return [
        pa.array(places.astype(np.int32) + 1),
        pa.array(model.item_ids[found.items[rows, places]]),
        pa.array(found.scores[rows, places]),
        pa.array(found.cold[rows]),
    ]


def _names(ids: NDArray[np.str_], codes: Items) -> pa.Array:
    return pa.array(ids[np.maximum(codes, 0)], pa.string(), mask=codes == NOTHING)


def _ratings(model: RecommenderModel, users: Codes, items: Items) -> NDArray[np.float32]:
    """What each user gave the item beside it."""
    seen = model.recommender.seen_
    if not len(users):
        # Empty indices would give a sparse matrix.
        return np.empty(0, np.float32)
    return np.asarray(seen[users, np.maximum(items, 0)], np.float32).ravel()


def _constant(rows: int, *texts: str) -> list[pa.Array]:
    return [pa.array([text] * rows, pa.string()) for text in texts]
