"""The batch path against its peers: raw .json.gz files to gold, what is new, what is not."""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from benchmarks import machine
from benchmarks.agreement import compare
from benchmarks.runs import TO_GOLD, TO_WAREHOUSE, Project, Run, java, run_peer

LARGEST_PARTITION = 500_000
NO_JAVA = "no java was found"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What to measure: sizes in reviews, none leaves all of it out, and the peers.

    `spark_up_to` is the largest size that JVM Spark is given, `small` the size of the whole path
    to the warehouse, `partition` that of the single partition.
    """

    reviews: Sequence[int] = (1_000_000, 2_000_000, 5_000_000)
    spark_up_to: int = 1_000_000
    small: int = 100_000
    partition: int = 100_000


@dataclass(frozen=True)
class Landing:
    """A generated landing zone; `size` in bytes as it lies there."""

    folder: Path
    reviews: int
    products: int
    partitions: int
    size: int
    gold_rows: int


def bench(options: Options, folder: Path, say: Say | None = None) -> dict[str, Any]:
    """Measure everything below `folder`, which is left empty; `say` is told what begins.

    Raises:
        CommandError: a run failed.
    """
    tell = say or (lambda text: print(text, file=sys.stderr, flush=True))
    found: dict[str, Any] = {"machine": machine.describe(), "sizes": [], "skipped": []}
    for reviews in sorted(options.reviews):
        with_spark = reviews <= options.spark_up_to
        if with_spark and java() is None:
            found["skipped"].append(f"JVM Spark at {reviews:,} reviews: {NO_JAVA}")
            with_spark = False
        found["sizes"].append(_bench_size(reviews, with_spark, folder / "size", tell))
    if options.reviews:
        found["small"] = _bench_small(options.small, folder / "small", tell)
        found["partition"] = _bench_partition(options.partition, folder / "partition", tell)
    return found


def landing_zone(folder: Path, reviews: int, partitions: int, say: Say) -> Landing:
    """Generate a landing zone with a product for 50 and a reviewer for 20 reviews."""
    say(f"generating {reviews:,} reviews")
    products, users = max(1, reviews // 50), max(1, reviews // 20)
    truth = generate(
        SampleOptions(
            reviews=reviews, products=products, users=users, partitions=partitions, events=0
        ),
        folder,
    )
    size = sum(path.stat().st_size for path in folder.rglob("*.json.gz"))
    return Landing(folder, reviews, products, partitions, size, truth["gold"]["reviews"])


def _bench_size(reviews: int, with_spark: bool, folder: Path, say: Say) -> dict[str, Any]:
    partitions = max(2, -(-reviews // LARGEST_PARTITION))
    landing = landing_zone(folder / "landing", reviews, partitions, say)
    say(f"{reviews:,} reviews: the project")
    project = Project(landing.folder, folder / "project")
    to_gold = project.run("to gold", TO_GOLD)
    to_warehouse = project.run("gold to warehouse", TO_WAREHOUSE)
    before = project.versions()
    again = project.run("nothing new", TO_WAREHOUSE)
    found: dict[str, Any] = {
        "reviews": reviews,
        "products": landing.products,
        "partitions": partitions,
        "landing_bytes": landing.size,
        "expected_rows": landing.gold_rows,
        "project": to_gold.as_dict(reviews),
        "warehouse": to_warehouse.as_dict(reviews),
        "nothing_new": again.as_dict(reviews)
        | {"said_so": again.nothing_new, "commits": project.versions() != before},
        "peers": [],
    }
    peers = [("duckdb_sql", "DuckDB SQL"), *([("spark_local", "JVM Spark")] if with_spark else [])]
    for module, name in peers:
        say(f"{reviews:,} reviews: {name}")
        peer = run_peer(module, name, landing.folder, folder / module)
        found["peers"].append(_compared(peer, to_gold, landing))
        shutil.rmtree(folder / module)
    shutil.rmtree(folder)
    return found


def _compared(peer: Run, project: Run, landing: Landing) -> dict[str, Any]:
    agreement = compare(project.gold, peer.gold, project.rows)
    return peer.as_dict(landing.reviews) | {
        "times_our_seconds": round(peer.seconds / project.seconds, 2),
        "agreement": agreement.as_dict(),
    }


def _bench_small(reviews: int, folder: Path, say: Say) -> dict[str, Any]:
    """Landing to gold to warehouse in one command, in the partitions of the demo."""
    landing = landing_zone(folder / "landing", reviews, 10, say)
    say(f"{reviews:,} reviews: to the warehouse")
    run = Project(landing.folder, folder / "project").run("to warehouse", TO_WAREHOUSE)
    shutil.rmtree(folder)
    return run.as_dict(reviews) | {"reviews": reviews, "expected_rows": landing.gold_rows}


def _bench_partition(rows: int, folder: Path, say: Say) -> dict[str, Any]:
    """One of two partitions again, after its files were uploaded again: bronze to gold."""
    landing = landing_zone(folder / "landing", 2 * rows, 2, say)
    project = Project(landing.folder, folder / "project")
    say(f"one partition of {rows:,} rows")
    project.run("both partitions", TO_GOLD)
    for path in (landing.folder / "amazon_reviews" / "partition_2").iterdir():
        path.touch()
    run = project.run("one partition", TO_GOLD)
    shutil.rmtree(folder)
    return run.as_dict(rows) | {"reviews": rows, "expected_rows": landing.gold_rows}


def as_json(found: dict[str, Any]) -> str:
    """The figures for machines."""
    return json.dumps(found, indent=2)
