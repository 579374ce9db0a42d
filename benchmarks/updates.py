"""The cost of an update against that of the whole build: `python -m benchmarks.updates`.

Ten partitions are brought to the warehouse, with all marts and without models. Then a partition of
new reviews arrives, and the next run takes it there too. Then events wait in the hub, and a run
takes them there. The seconds beyond the start of the process are those beyond a run that finds
nothing new.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from benchmarks import machine
from benchmarks.hub import running_hub
from benchmarks.runs import Project

PARTITIONS = 10
_BODIES = "events.jsonl"
_NEW = f"partition_{PARTITIONS + 1}"
TO_THE_WAREHOUSE = " or ".join(
    f"group:{name}" for name in ("bronze", "silver", "gold", "marts", "warehouse")
)


def landing_zone(folder: Path, reviews: int, new: int, events: int) -> Path:
    """Generate ten partitions of reviews in a folder; return a partition of new ones beside it.

    All partitions have the same products and reviewers: one product for 50 and one reviewer for 20
    reviews. The products are in ten partitions too, from the start.
    """
    parts = reviews // new
    landing, total = folder / "landing", (parts + 1) * new
    options = SampleOptions(
        reviews=total,
        products=total // 50,
        users=total // 20,
        partitions=parts + 1,
        events=events,
        titles=0,
        title_ratings=0,
    )
    generate(options, landing)
    _merge(landing / "amazon_metadata")
    (landing / "amazon_reviews" / f"partition_{parts + 1}").rename(folder / _NEW)
    _merge(landing / "amazon_reviews")
    return folder / _NEW


def _merge(dataset: Path) -> None:
    """Make ten partitions of those of a dataset."""
    merged = dataset.with_name("merged")
    generated = sorted(dataset.iterdir(), key=lambda path: int(path.name.rpartition("_")[2]))
    for number, partition in enumerate(generated):
        target = merged / f"partition_{number * PARTITIONS // len(generated) + 1}"
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(partition.iterdir()):
            path.rename(target / f"{number}_{path.name}")
    shutil.rmtree(dataset)
    merged.rename(dataset)


def bench(reviews: int, new: int, events: int, folder: Path) -> dict[str, Any]:
    """Return the figures of the whole build, of nothing new, of the update, and of events."""
    arriving = landing_zone(folder, reviews, new, events)
    project = Project(folder / "landing", folder / "project")
    whole = project.run("whole build", TO_THE_WAREHOUSE)
    nothing = project.run("nothing new", TO_THE_WAREHOUSE)
    arriving.rename(folder / "landing" / "amazon_reviews" / _NEW)
    update = project.run("update", TO_THE_WAREHOUSE)
    with running_hub(folder / "hub.log", folder / "landing" / "events" / _BODIES, events) as hub:
        project.environ |= hub.environ
        streamed = project.run("events", TO_THE_WAREHOUSE)
    if not (nothing.nothing_new and whole.rows < update.rows < streamed.rows):
        raise click.ClickException("the runs did not do what they measure")
    return {
        "machine": machine.describe(),
        "reviews": reviews,
        "new": new,
        "events": events,
        "runs": [run.as_dict(reviews) for run in (whole, nothing, update, streamed)],
        "cpu_share": round(update.cpu_seconds / whole.cpu_seconds, 4),
        "beyond_start": {
            run.name: {
                "seconds": round(run.seconds - nothing.seconds, 2),
                "cpu_seconds": round(run.cpu_seconds - nothing.cpu_seconds, 2),
            }
            for run in (update, streamed)
        },
    }


@click.command(help=__doc__)
@click.option("--reviews", default=5_000_000, show_default=True, help="Reviews of the whole build.")
@click.option("--new", default=50_000, show_default=True, help="Reviews of the new partition.")
@click.option("--events", default=1_000, show_default=True, help="Events in the hub.")
def main(reviews: int, new: int, events: int) -> None:
    """Print the figures as JSON."""
    click.echo(" ".join(["python -m benchmarks.updates", *sys.argv[1:]]), err=True)
    with tempfile.TemporaryDirectory(prefix="amazon_reviews_bench_") as folder:
        click.echo(json.dumps(bench(reviews, new, events, Path(folder)), indent=2))


if __name__ == "__main__":
    main()
