"""A BigQuery emulator: the part of the REST interface that the tests need, with faults on demand.

The vendor's own client talks to it on loopback. Rows are stored in DuckDB. It supports the SQL that
BigQuery and DuckDB have in common, and the statements that copy tables. It rejects the requests
that BigQuery rejects.
"""

from amazon_reviews_tests.bigquery_emulator.server import BigQueryEmulator

__all__ = ["BigQueryEmulator"]
