"""The marts' questions in DuckDB: `python -m benchmarks.peers.duckdb_marts LAKEHOUSE`.

The statements are those that the marts are tested against; each reads the Parquet files of the
Delta tables by itself. Prints as JSON the seconds of each and the rows it gave.
"""

import json
import sys
import time

from amazon_reviews.resources.lakehouse import Lakehouse
from amazon_reviews_tests.marts.answers import NAMES, reading, statement
from benchmarks.peers.duckdb_sql import MEMORY_LIMIT

THREADS = 2


def main() -> None:
    """Answer every question into a table, which makes DuckDB compute all of its columns."""
    seconds, rows = {}, {}
    with reading(Lakehouse(location=sys.argv[1]), THREADS) as db:
        db.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        for name in NAMES:
            key = f"gold/{name}"
            began = time.perf_counter()
            db.execute(f"CREATE TEMP TABLE answer_{name} AS {statement(name)}")
            seconds[key] = time.perf_counter() - began
            rows[key] = db.table(f"answer_{name}").shape[0]
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main()
