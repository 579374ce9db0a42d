"""Run the emulator in its own process, and print its address."""

import sys
from threading import Event

from amazon_reviews_tests.bigquery_emulator import BigQueryEmulator

with BigQueryEmulator() as emulator:
    sys.stdout.write(f"{emulator.url}\n")
    sys.stdout.flush()
    Event().wait()
