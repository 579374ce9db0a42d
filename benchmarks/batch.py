"""The batch path against its peers: .json.gz files to gold, with new files and without."""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amazon_reviews.devtools.sample_data import PROFILES, SampleOptions, generate
from benchmarks import machine
from benchmarks.agreement import compare
from benchmarks.runs import TO_GOLD, TO_WAREHOUSE, Project, Run, java, run_peer

LARGEST_PARTITION = 500_000
NO_JAVA = "no java was found"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """Options of the batch benchmarks.

    Attributes:
        reviews: Sizes in reviews; an empty sequence skips all batch benchmarks.
        spark_up_to: The largest size for JVM Spark.
        small: Reviews of the complete path to the warehouse.
        partition: Rows of the single partition.
    """

    reviews: Sequence[int] = (1_000_000, 2_000_000, 5_000_000)
    spark_up_to: int = 1_000_000
    small: int = 100_000
    partition: int = 100_000


@dataclass(frozen=True)
class Landing:
    """A generated landing zone; `size` is that of its compressed files in bytes."""

    folder: Path
    reviews: int
    products: int
    partitions: int
    size: int
    gold_rows: int


def on_stderr(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


def bench(options: Options, folder: Path, say: Say = on_stderr) -> dict[str, Any]:
    """Run the benchmarks below `folder`, which is empty afterwards.

    `say` gets a line for each step that begins.

    Raises:
        CommandError: A run failed.
    """
    figures: dict[str, Any] = {"machine": machine.describe(), "sizes": [], "skipped": []}
    for reviews in sorted(options.reviews):
        with_spark = reviews <= options.spark_up_to
        if with_spark and java() is None:
            figures["skipped"].append(f"JVM Spark at {reviews:,} reviews: {NO_JAVA}")
            with_spark = False
        figures["sizes"].append(_bench_size(reviews, with_spark, folder / "size", say))
    if options.reviews:
        figures["small"] = _bench_small(options.small, folder / "small", say)
        figures["partition"] = _bench_partition(options.partition, folder / "partition", say)
    return figures


def landing_zone(
    folder: Path, reviews: int, partitions: int, say: Say, profile: str = PROFILES[0]
) -> Landing:
    """Generate a landing zone with one product for 50 and one reviewer for 20 reviews."""
    say(f"generating {reviews:,} reviews of {profile}")
    products, users = max(1, reviews // 50), max(1, reviews // 20)
    truth = generate(
        SampleOptions(
            reviews=reviews,
            products=products,
            users=users,
            partitions=partitions,
            events=0,
            profile=profile,
        ),
        folder,
    )
    size = sum(path.stat().st_size for path in folder.rglob("*.gz"))
    return Landing(folder, reviews, products, partitions, size, truth["gold"]["reviews"])


def _bench_size(reviews: int, with_spark: bool, folder: Path, say: Say) -> dict[str, Any]:
    partitions = max(2, -(-reviews // LARGEST_PARTITION))
    landing = landing_zone(folder / "landing", reviews, partitions, say)
    say(f"{reviews:,} reviews: the project")
    project = Project(landing.folder, folder / "project")
    to_gold = project.run("to gold", TO_GOLD)
    to_warehouse = project.run("gold to warehouse", TO_WAREHOUSE)
    before = project.versions()
    repeated = project.run("nothing new", TO_WAREHOUSE)
    figures: dict[str, Any] = {
        "reviews": reviews,
        "products": landing.products,
        "partitions": partitions,
        "landing_bytes": landing.size,
        "expected_rows": landing.gold_rows,
        "project": to_gold.as_dict(reviews),
        "warehouse": to_warehouse.as_dict(reviews),
        "nothing_new": repeated.as_dict(reviews)
        | {"reported": repeated.nothing_new, "commits": project.versions() != before},
        "peers": [],
    }
    peers = [("duckdb_sql", "DuckDB SQL"), *([("spark_local", "JVM Spark")] if with_spark else [])]
    for module, name in peers:
        say(f"{reviews:,} reviews: {name}")
        peer = run_peer(module, name, landing.folder, folder / module)
        figures["peers"].append(_compare(peer, to_gold, landing))
        shutil.rmtree(folder / module)
    shutil.rmtree(folder)
    return figures


def _compare(peer: Run, project: Run, landing: Landing) -> dict[str, Any]:
    agreement = compare(project.gold, peer.gold, project.rows)
    return peer.as_dict(landing.reviews) | {
        "times_our_seconds": round(peer.seconds / project.seconds, 2),
        "agreement": agreement.as_dict(),
    }


def _bench_small(reviews: int, folder: Path, say: Say) -> dict[str, Any]:
    """Measure landing zone to warehouse in one command, with the partitions of the demo."""
    landing = landing_zone(folder / "landing", reviews, 10, say)
    say(f"{reviews:,} reviews: to the warehouse")
    run = Project(landing.folder, folder / "project").run("to warehouse", TO_WAREHOUSE)
    shutil.rmtree(folder)
    return run.as_dict(reviews) | {"reviews": reviews, "expected_rows": landing.gold_rows}


def _bench_partition(rows: int, folder: Path, say: Say) -> dict[str, Any]:
    """Measure bronze to gold for one of two partitions, after its files were uploaded again."""
    landing = landing_zone(folder / "landing", 2 * rows, 2, say)
    project = Project(landing.folder, folder / "project")
    say(f"one partition of {rows:,} rows")
    project.run("both partitions", TO_GOLD)
    for path in (landing.folder / "amazon_reviews" / "partition_2").iterdir():
        path.touch()
    run = project.run("one partition", TO_GOLD)
    shutil.rmtree(folder)
    return run.as_dict(rows) | {"reviews": rows, "expected_rows": landing.gold_rows}


def as_json(figures: dict[str, Any]) -> str:
    """Return the figures as JSON."""
    return json.dumps(figures, indent=2)
