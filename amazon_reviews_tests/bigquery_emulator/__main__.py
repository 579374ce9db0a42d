"""The service in a process of its own; prints its address."""

import sys
from threading import Event

from amazon_reviews_tests.bigquery_emulator import BigQueryServer

with BigQueryServer() as server:
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    Event().wait()
