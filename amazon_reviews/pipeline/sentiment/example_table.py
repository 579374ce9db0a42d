"""The examples of the sentiment model: rated reviews of a random sample of users."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.models.sentiment.splits import by_user, user_keys
from amazon_reviews.resources.lakehouse.prefetch import PrefetchedBatches
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import GOLD_REVIEWS
from amazon_reviews.schemas.sentiment import SENTIMENT_EXAMPLES

SEED = 0
"""The seed of the held-out users and of all random choices of the model; always the same."""
TEST_SHARE = 0.2
BATCH_ROWS = 8_192

_SAMPLE_SEED = 1
_SORT_MEMORY = "512MB"
_COLUMNS = [name for name in SENTIMENT_EXAMPLES.names if name != "held_out"]


@dataclass(frozen=True)
class Sample:
    """The version of gold/reviews behind the examples, and the share of its users."""

    delta_version: int
    share_of_users: float


def make_examples(lakehouse: Lakehouse, most: int) -> Sample:
    """Rebuild gold/sentiment_examples from gold/reviews in one commit.

    The examples are all rated reviews. If there are more than `most`, they are the reviews of a
    share of the users, about `most`. A user's id alone decides on sample and held-out side, so
    that users stay on their side as reviews come in.
    """
    lakehouse.ensure(GOLD_REVIEWS.key)
    inputs = lakehouse.input_versions(SENTIMENT_EXAMPLES.key)
    reviews = lakehouse.delta(GOLD_REVIEWS.key)
    rated = sum(
        len(batch) - batch.column("overall").null_count for batch in batches(reviews, ["overall"])
    )
    share = min(1.0, most / max(1, rated))
    schema = SENTIMENT_EXAMPLES.arrow_schema
    examples = PrefetchedBatches(_example_batches(reviews, share))
    rows = pa.RecordBatchReader.from_batches(schema, examples)
    with examples.raising_errors(), _ordered(rows) as rows:
        lakehouse.write(rows, SENTIMENT_EXAMPLES.key, replacing=ALL_ROWS, built={WHOLE: inputs})
    return Sample(reviews.version(), share)


def read_examples(
    lakehouse: Lakehouse, *, held_out: bool, columns: Sequence[str] | None = None
) -> Iterator[Examples]:
    """Yield the examples of the held-out users, or of the others, a few thousand at a time."""
    lakehouse.ensure(SENTIMENT_EXAMPLES.key)
    table = lakehouse.delta(SENTIMENT_EXAMPLES.key)
    for batch in batches(table, columns or _COLUMNS, pc.field("held_out") == held_out):
        yield Examples.from_arrow(batch)


def batches(
    table: DeltaTable, columns: Sequence[str], where: pc.Expression | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield rows of a table, at most `BATCH_ROWS` at a time, with little read-ahead."""
    yield from table.to_pyarrow_dataset().to_batches(
        columns=list(columns),
        filter=where,
        batch_size=BATCH_ROWS,
        batch_readahead=2,
        fragment_readahead=1,
    )


@contextmanager
def _ordered(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatchReader]:
    """Yield the rows in the order of their ids, sorted on disk where they exceed the memory.

    The model depends on the order of its examples, and that of gold/reviews on the engine's
    threads.
    """
    with (
        temporary_folder() as folder,
        duckdb.connect(
            config={"memory_limit": _SORT_MEMORY, "temp_directory": folder}
        ) as connection,
    ):
        yield connection.from_arrow(rows).order("review_id").to_arrow_reader(BATCH_ROWS)


def _example_batches(reviews: DeltaTable, share: float) -> Iterator[pa.RecordBatch]:
    for batch in batches(reviews, _COLUMNS, pc.field("overall").is_valid()):
        users = batch.column("reviewer_id").cast(pa.large_string())
        if share < 1:
            in_sample = pa.array(user_keys(users, _SAMPLE_SEED) < np.uint64(share * 2**64))
            batch, users = batch.filter(in_sample), users.filter(in_sample)
        held_out = pa.array(by_user(users, TEST_SHARE, SEED).test)
        examples = batch.append_column("held_out", held_out).select(SENTIMENT_EXAMPLES.names)
        yield examples.cast(SENTIMENT_EXAMPLES.arrow_schema)
