"""Drops of the stars against the incidents of samples: `python -m benchmarks.drops`.

Prints how many planted incidents are found, and how many drops are none of them, in samples with
incidents and in samples without.
"""

import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.pipeline.marts import MARTS, MartBuilder
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.resources.spark.engine import start_session
from amazon_reviews_tests.helpers import BATCH_ROWS, build_gold_all
from benchmarks.layout import table

_SIZES = (
    SampleOptions(reviews=5_000, products=50, users=250, incidents=10),
    SampleOptions(reviews=20_000, products=300, users=1_000, incidents=15),
)
_MARTS = ("review_counts", "product_ratings", "product_months", "product_alerts")


@click.command()
@click.option("--samples", default=10, show_default=True, help="Samples of each kind.")
def main(samples: int) -> None:
    """Compare the drops of samples with their incidents."""
    spark = start_session("sail", 1 << 30)
    head = ("reviews, incidents of each", "samples", "incidents", "found", "drops", "no incident")
    rows: list[tuple[str, ...]] = [head]
    for size in _SIZES:
        for incidents in (size.incidents, 0):
            counts = [0] * 4
            for seed in range(1, samples + 1):
                options = replace(
                    size, incidents=incidents, seed=seed, partitions=2, events=0, titles=0,
                    title_ratings=0,
                )  # fmt: skip
                counts = [a + b for a, b in zip(counts, _compared(spark, options), strict=True)]
            name = f"{size.reviews:,}, {incidents}"
            rows.append((name, str(samples), *map(str, counts)))
    print(*table(rows), sep="\n")


def _compared(spark: Any, options: SampleOptions) -> tuple[int, int, int, int]:
    """Return the incidents, those found, the drops, and those that are no incident."""
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder, "landing")
        planted = generate(options, landing).get("incidents", [])
        lakehouse = Lakehouse(location=str(Path(folder, "lakehouse")))
        build_gold_all(spark, LandingZone(location=str(landing)), lakehouse)
        builder = MartBuilder(spark, lakehouse, BATCH_ROWS)
        for mart in MARTS:
            if mart.name in _MARTS:
                builder.build(mart)
        drops = lakehouse.delta("gold/product_alerts").to_pyarrow_table().to_pylist()
    found = {row["asin"] for row in drops if any(_is_of(row, one) for one in planted)}
    others = [row for row in drops if not any(_is_of(row, one) for one in planted)]
    return len(planted), len(found), len(drops), len(others)


def _is_of(drop: dict[str, Any], incident: dict[str, str]) -> bool:
    first, last = (date.fromisoformat(incident[name]) for name in ("begins_on", "ends_on"))
    end = drop["ends_on"] or date.max
    return drop["asin"] == incident["asin"] and drop["begins_on"] <= last and first <= end


if __name__ == "__main__":
    main()
