"""What the sentiment model learns from and is measured on: rated reviews of some users."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.splits import by_user, user_keys
from amazon_reviews.resources.lakehouse.prefetch import PrefetchedBatches
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.schemas.layers import GOLD_REVIEWS
from amazon_reviews.schemas.sentiment import SENTIMENT_EXAMPLES

SEED = 0
"""Of the users that are held out, and of all that the model draws; always the same."""
TEST_SHARE = 0.2
BATCH_ROWS = 8_192

_SAMPLE_SEED = 1
_KEPT = [name for name in SENTIMENT_EXAMPLES.names if name != "held_out"]


@dataclass(frozen=True)
class Chosen:
    """The examples that were made: of which version of gold/reviews, and the share of users."""

    delta_version: int
    share_of_users: float


def make_examples(lakehouse: Lakehouse, most: int) -> Chosen:
    """Make gold/sentiment_examples anew from gold/reviews, in one commit.

    They are all rated reviews, or where these are more than `most` those of a share of the users,
    about as many as `most`. Who is in it, and who is held out, depends on the user's id alone, so
    that users stay on their side as reviews come in.
    """
    lakehouse.ensure(GOLD_REVIEWS.key)
    reviews = lakehouse.delta(GOLD_REVIEWS.key)
    share = min(1.0, most / max(1, _rated(reviews)))
    schema = SENTIMENT_EXAMPLES.arrow_schema
    batches = PrefetchedBatches(_chosen(reviews, share))
    with batches.raising_errors():
        rows = pa.RecordBatchReader.from_batches(schema, batches)
        lakehouse.write(rows, SENTIMENT_EXAMPLES.key, replacing=ALL_ROWS)
    return Chosen(reviews.version(), share)


def read_examples(
    lakehouse: Lakehouse, *, held_out: bool, columns: Sequence[str] | None = None
) -> Iterator[Examples]:
    """The examples of the users that are held out, or of the others, a few thousand at a time."""
    lakehouse.ensure(SENTIMENT_EXAMPLES.key)
    table = lakehouse.delta(SENTIMENT_EXAMPLES.key)
    for batch in batches(table, columns or _KEPT, pc.field("held_out") == held_out):
        yield Examples.from_arrow(batch)


def batches(
    table: DeltaTable, columns: Sequence[str], where: pc.Expression | None = None
) -> Iterator[pa.RecordBatch]:
    """Rows of a table, at most `BATCH_ROWS` at a time and little read ahead."""
    yield from table.to_pyarrow_dataset().to_batches(
        columns=list(columns),
        filter=where,
        batch_size=BATCH_ROWS,
        batch_readahead=2,
        fragment_readahead=1,
    )


def _rated(reviews: DeltaTable) -> int:
    found = batches(reviews, ["overall"])
    return sum(len(batch) - batch.column("overall").null_count for batch in found)


def _chosen(reviews: DeltaTable, share: float) -> Iterator[pa.RecordBatch]:
    for batch in batches(reviews, _KEPT, pc.field("overall").is_valid()):
        users = batch.column("reviewer_id").cast(pa.large_string())
        if share < 1:
            chosen = pa.array(user_keys(users, _SAMPLE_SEED) < np.uint64(share * 2**64))
            batch, users = batch.filter(chosen), users.filter(chosen)
        held_out = by_user(users, TEST_SHARE, SEED).test
        yield _typed(batch.append_column("held_out", pa.array(held_out)))


def _typed(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.select(SENTIMENT_EXAMPLES.names).cast(SENTIMENT_EXAMPLES.arrow_schema)
