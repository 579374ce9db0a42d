"""The queries of the marts in DuckDB: `python -m benchmarks.peers.duckdb_marts LAKEHOUSE`.

The statements are those that the marts are tested with. Each reads the Parquet files of the Delta
tables. Only the columns of the source are summed over the counts of silver by partition, as in the
project. Prints the seconds and rows of each query as JSON.
"""

import json
import sys
import time

from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews_tests.marts.reference_sql import NAMES, add_view, reading, statement
from benchmarks.peers.duckdb_sql import MEMORY_LIMIT

THREADS = 2
_COLUMN_COUNTS = {"reviews": "silver/reviews_columns", "products": "silver/products_columns"}
_SOURCE_COLUMNS = " UNION ALL ".join(
    f"""
    SELECT '{noun}' AS "table", "column", sum(lines) AS lines, sum(missing) AS missing,
        sum(missing) / sum(lines) AS missing_share,
        sum(missing) / sum(lines) > 0.7 AS mostly_missing
    FROM {noun}_columns
    GROUP BY "column" """
    for noun in _COLUMN_COUNTS
)


def main() -> None:
    """Store the result of each query in a table, so that DuckDB computes all its columns."""
    seconds, rows = {}, {}
    lakehouse = Lakehouse(location=sys.argv[1])
    with reading(lakehouse, THREADS) as db:
        for noun, key in _COLUMN_COUNTS.items():
            add_view(db, lakehouse, f"{noun}_columns", key)
        db.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        for name in NAMES:
            key = f"gold/{name}"
            began = time.perf_counter()
            query = _SOURCE_COLUMNS if name == "source_columns" else statement(name)
            db.execute(f"CREATE TEMP TABLE answer_{name} AS {query}")
            seconds[key] = time.perf_counter() - began
            rows[key] = db.table(f"answer_{name}").shape[0]
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main()
