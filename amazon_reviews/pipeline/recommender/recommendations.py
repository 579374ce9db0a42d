"""Rankings of the current recommender for all users and products, as tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from amazon_reviews.models.recommender.interactions import Codes
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.models.recommender.ranking import NO_ITEM, Items
from amazon_reviews.models.recommender.recommender import Recommendations
from amazon_reviews.models.recommender.storage import model_version
from amazon_reviews.pipeline.recommender.matrices import BUCKETS, bucket_of_each
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.recommender import RECOMMENDER_SIMILAR, RECOMMENDER_TOP

PLACES = 10
"""Products in each ranking."""

_AT_ONCE = 10_000


@dataclass
class RankingCounts:
    """Written rows, queried users or products, and the cold ones among them."""

    rows: int = 0
    queries: int = 0
    cold: int = 0

    def add(self, rankings: Recommendations) -> None:
        """Add the counts of these rankings."""
        self.rows += int((rankings.items != NO_ITEM).sum())
        self.queries += len(rankings.items)
        self.cold += int(rankings.cold.sum())


def make_top(
    lakehouse: Lakehouse, model: RecommenderModel, inputs: Mapping[str, int]
) -> dict[int, RankingCounts]:
    """Rebuild gold/recommender_top, bucket by bucket; return the counts by bucket.

    `inputs` are the versions of its inputs, which the last commit records.
    """
    users = np.arange(len(model.user_ids), dtype=np.int32)
    version, buckets = model_version(model), bucket_of_each(len(users))
    counts = {}
    for bucket in range(BUCKETS):
        counts[bucket] = RankingCounts()
        rows = _top(model, users[buckets == bucket], bucket, version, counts[bucket])
        reader = pa.RecordBatchReader.from_batches(RECOMMENDER_TOP.arrow_schema, rows)
        built = {WHOLE: inputs} if bucket == BUCKETS - 1 else None
        lakehouse.write(reader, RECOMMENDER_TOP.key, replacing={"bucket": [bucket]}, built=built)
        advance(f"users {bucket + 1}/{BUCKETS}")
    return counts


def make_similar(
    lakehouse: Lakehouse, model: RecommenderModel, inputs: Mapping[str, int]
) -> RankingCounts:
    """Rebuild gold/recommender_similar for all products that the model knows.

    `inputs` are the versions of its inputs.
    """
    counts = RankingCounts()
    rows = _similar(model, model_version(model), counts)
    reader = pa.RecordBatchReader.from_batches(RECOMMENDER_SIMILAR.arrow_schema, rows)
    lakehouse.write(reader, RECOMMENDER_SIMILAR.key, replacing=ALL_ROWS, built={WHOLE: inputs})
    return counts


def _top(
    model: RecommenderModel, users: Codes, bucket: int, version: str, counts: RankingCounts
) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(users), _AT_ONCE):
        queries = users[start : start + _AT_ONCE]
        rankings = model.recommender.recommend(queries, PLACES)
        reasons = model.recommender.reasons(queries, rankings.items)
        counts.add(rankings)
        rows, places = np.nonzero(rankings.items != NO_ITEM)
        reason = reasons[rows, places]
        columns = [
            pa.array(model.user_ids[queries[rows]]),
            *_ranking_columns(model, rankings, rows, places),
            pa.array(model.item_ids[np.maximum(reason, 0)], pa.string(), mask=reason == NO_ITEM),
            pa.array(_ratings(model, queries[rows], reason), mask=reason == NO_ITEM),
            *_constants(len(rows), model.method, version),
            pa.array(np.full(len(rows), bucket, np.int32)),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=RECOMMENDER_TOP.arrow_schema)


def _similar(
    model: RecommenderModel, version: str, counts: RankingCounts
) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(model.item_ids), _AT_ONCE):
        queries = np.arange(start, min(start + _AT_ONCE, len(model.item_ids)))
        rankings = model.recommender.similar(queries, PLACES)
        counts.add(rankings)
        rows, places = np.nonzero(rankings.items != NO_ITEM)
        columns = [
            pa.array(model.item_ids[queries[rows]]),
            *_ranking_columns(model, rankings, rows, places),
            *_constants(len(rows), model.method, version),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=RECOMMENDER_SIMILAR.arrow_schema)


def _ranking_columns(
    model: RecommenderModel,
    rankings: Recommendations,
    rows: NDArray[np.intp],
    places: NDArray[np.intp],
) -> list[pa.Array]:
    """Return the columns place, product, score and cold."""
    return [
        pa.array(places.astype(np.int32) + 1),
        pa.array(model.item_ids[rankings.items[rows, places]]),
        pa.array(rankings.scores[rows, places]),
        pa.array(rankings.cold[rows]),
    ]


def _ratings(model: RecommenderModel, users: Codes, items: Items) -> NDArray[np.float32]:
    """Return the rating of each user for the item at the same position."""
    if not len(users):
        # scipy returns a sparse matrix, not an array, for empty indices.
        return np.empty(0, np.float32)
    train = model.recommender.train_
    return np.asarray(train[users, np.maximum(items, 0)], np.float32).ravel()


def _constants(rows: int, *texts: str) -> list[pa.Array]:
    return [pa.array([text] * rows, pa.string()) for text in texts]
