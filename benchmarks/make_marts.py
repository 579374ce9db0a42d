"""Build of all marts from gold: `python -m benchmarks.make_marts`, with the project's settings.

Prints the seconds and rows of each mart as JSON. The start of the engine does not count.
"""

import json
import time

from amazon_reviews import config
from amazon_reviews.pipeline.marts import MARTS, MartBuilder
from amazon_reviews.resources.lakehouse.tables import Lakehouse, row_count
from amazon_reviews.resources.spark.engine import start_session


def main() -> None:
    """Build the marts in their order."""
    settings = config.load()
    lakehouse = Lakehouse(location=settings.lakehouse)
    spark = start_session(settings.engine, settings.engine_memory)
    builder = MartBuilder(spark, lakehouse, settings.batch_rows)
    seconds = {}
    for mart in MARTS:
        began = time.perf_counter()
        builder.build(mart)
        seconds[mart.key] = time.perf_counter() - began
    rows = {key: row_count(lakehouse.delta(key)) for key in seconds}
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main()
