"""The queries of the marts in DuckDB: `python -m benchmarks.peers.duckdb_marts LAKEHOUSE`.

The statements are those that the marts are tested with. Each reads the Parquet files of the Delta
tables. Only the columns of the source are summed over the counts of silver by partition, as in the
project. Prints the seconds and rows of each query as JSON.
"""

import json
import sys
import time

from amazon_reviews.pipeline.marts import MARTS
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews_tests.marts.reference_sql import reading, statement
from benchmarks.peers.duckdb_sql import MEMORY_LIMIT

THREADS = 2


def main() -> None:
    """Store the result of each query in a table, so that DuckDB computes all its columns."""
    seconds, rows = {}, {}
    lakehouse = Lakehouse(location=sys.argv[1])
    with reading(lakehouse, THREADS) as db:
        db.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        for mart in MARTS:
            began = time.perf_counter()
            db.execute(f"CREATE TEMP TABLE answer_{mart.name} AS {statement(mart.name)}")
            seconds[mart.key] = time.perf_counter() - began
            rows[mart.key] = db.table(f"answer_{mart.name}").shape[0]
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main()
