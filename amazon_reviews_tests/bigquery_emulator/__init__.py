"""As much of BigQuery's REST interface as the tests need, on loopback, with faults on demand.

The vendor's own client talks to it. Rows lie in DuckDB; of SQL it knows what BigQuery and DuckDB
understand alike, and the statements that copy tables. What BigQuery refuses it refuses too.
"""

from amazon_reviews_tests.bigquery_emulator.server import BigQueryServer

__all__ = ["BigQueryServer"]
