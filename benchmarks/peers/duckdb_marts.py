"""The marts' questions in DuckDB: `python -m benchmarks.peers.duckdb_marts LAKEHOUSE`.

The statements are those that the marts are tested against; each reads the Parquet files of the
Delta tables by itself. Only the source's columns are summed up from what silver counted in each
partition, as the project does. Prints as JSON the seconds of each and the rows it gave.
"""

import json
import sys
import time

from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews_tests.marts.answers import NAMES, add_view, reading, statement
from benchmarks.peers.duckdb_sql import MEMORY_LIMIT

THREADS = 2
_COUNTED = {"reviews": "silver/reviews_columns", "products": "silver/products_columns"}
_SOURCE_COLUMNS = " UNION ALL ".join(
    f"""
    SELECT '{noun}' AS "table", "column", sum(lines) AS lines, sum(missing) AS missing,
        sum(missing) / sum(lines) AS missing_share,
        sum(missing) / sum(lines) > 0.7 AS mostly_missing
    FROM {noun}_columns
    GROUP BY "column" """
    for noun in _COUNTED
)


def main() -> None:
    """Answer every question into a table, which makes DuckDB compute all of its columns."""
    seconds, rows = {}, {}
    lakehouse = Lakehouse(location=sys.argv[1])
    with reading(lakehouse, THREADS) as db:
        for noun, key in _COUNTED.items():
            add_view(db, lakehouse, f"{noun}_columns", key)
        db.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        for name in NAMES:
            key = f"gold/{name}"
            began = time.perf_counter()
            question = _SOURCE_COLUMNS if name == "source_columns" else statement(name)
            db.execute(f"CREATE TEMP TABLE answer_{name} AS {question}")
            seconds[key] = time.perf_counter() - began
            rows[key] = db.table(f"answer_{name}").shape[0]
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main()
