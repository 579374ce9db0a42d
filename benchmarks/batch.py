"""The batch path against its peers: .json.gz files to gold, with new files and without."""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from amazon_reviews.devtools.sample_data import PROFILES, SampleOptions, generate
from benchmarks import checksums, machine
from benchmarks.agreement import compare
from benchmarks.gate import peer_faults, project_faults
from benchmarks.measure import CommandError
from benchmarks.peers.registry import PEERS, Peer, prepare
from benchmarks.runs import TO_GOLD, TO_WAREHOUSE, Project, Run, run_peer

LARGEST_PARTITION = 500_000
CORE_HOUR = 0.05
_HUNDRED_MILLION = 100_000_000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """Options of the batch benchmarks.

    Attributes:
        reviews: Sizes in reviews; an empty sequence skips all batch benchmarks.
        spark_up_to: The largest size for JVM Spark.
        small: Reviews of the complete path to the warehouse.
        partition: Rows of the single partition.
        peers: Keys of the peers.
        core_hour: Price of one core for an hour, in dollars.
    """

    reviews: Sequence[int] = (1_000_000, 5_000_000)
    spark_up_to: int = 1_000_000
    small: int = 100_000
    partition: int = 100_000
    peers: Sequence[str] = tuple(peer.key for peer in PEERS)
    core_hour: float = CORE_HOUR

    def dollars(self, seconds: float, reviews: int, cores: int) -> float:
        """Return the price of 100 million reviews: all cores of the machine, for as long."""
        return seconds / 3600 * cores * self.core_hour * _HUNDRED_MILLION / reviews


@dataclass(frozen=True)
class Landing:
    """A generated landing zone; `size` is that of its compressed files in bytes.

    `checksum` is a text: the sum, and if it is a kept one.
    """

    folder: Path
    reviews: int
    products: int
    partitions: int
    size: int
    gold_rows: int
    checksum: str


def on_stderr(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


def bench(options: Options, folder: Path, say: Say = on_stderr) -> dict[str, Any]:
    """Run the benchmarks below `folder`, which is empty afterwards.

    `say` gets a line for each step that begins. The figures have what is wrong as `faults`.

    Raises:
        CommandError: A run of the project failed.
        ChecksumError: The generated data is not that of the kept checksum.
    """
    figures: dict[str, Any] = {"machine": machine.describe(), "sizes": [], "skipped": []}
    figures |= {"core_hour": options.core_hour, "faults": []}
    if not options.reviews:
        return figures
    say("installing the peers")
    pythons = prepare(options.peers, folder / "peers")
    figures["skipped"] += pythons.skipped
    for reviews in sorted(options.reviews):
        peers = dict(pythons.by_peer)
        for peer in pythons.by_peer:
            if peer.needs_java and reviews > options.spark_up_to:
                del peers[peer]
                figures["skipped"].append(f"{peer.name} at {reviews:,} reviews: --spark-up-to")
        size = _Size(reviews, options, folder / "size", say)
        figures["sizes"].append(size.bench(peers))
        figures["faults"] += [f"{reviews:,} reviews, {fault}" for fault in size.faults]
    figures["small"] = _bench_small(options.small, folder / "small", say)
    figures["partition"] = _bench_partition(options.partition, folder / "partition", say)
    for name in ("small", "partition"):
        figures["faults"] += [f"{figures[name]['name']}: {f}" for f in figures[name].pop("faults")]
    shutil.rmtree(folder / "peers", ignore_errors=True)
    return figures


def landing_zone(
    folder: Path, reviews: int, partitions: int, say: Say, profile: str = PROFILES[0]
) -> Landing:
    """Generate a landing zone with one product for 50 and one reviewer for 20 reviews.

    Raises:
        ChecksumError: Its content is not that of the kept checksum.
    """
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
    checksum = checksums.check(folder, reviews, partitions, profile)
    say(f"SHA-256 {checksum}")
    return Landing(folder, reviews, products, partitions, size, truth["gold"]["reviews"], checksum)


class _Size:
    """One size: the project, then each peer, on the same landing zone."""

    def __init__(self, reviews: int, options: Options, folder: Path, say: Say) -> None:
        self.faults: list[str] = []
        self._options, self._folder, self._say = options, folder, say
        partitions = max(2, -(-reviews // LARGEST_PARTITION))
        self._landing = landing_zone(folder / "landing", reviews, partitions, say)

    def bench(self, peers: dict[Peer, str]) -> dict[str, Any]:
        """Measure the project and the peers, and remove all files."""
        landing = self._landing
        self._say(f"{landing.reviews:,} reviews: the project")
        project = Project(landing.folder, self._folder / "project")
        to_gold = project.run("to gold", TO_GOLD)
        to_warehouse = project.run("gold to warehouse", TO_WAREHOUSE)
        before = project.versions()
        repeated = project.run("nothing new", TO_WAREHOUSE)
        self._add_faults("project", project_faults(project, landing.folder))
        figures: dict[str, Any] = {
            "reviews": landing.reviews,
            "products": landing.products,
            "partitions": landing.partitions,
            "landing_bytes": landing.size,
            "checksum": landing.checksum,
            "expected_rows": landing.gold_rows,
            "project": self._figures(to_gold),
            "warehouse": self._figures(to_warehouse),
            "nothing_new": repeated.as_dict(landing.reviews)
            | {"reported": repeated.nothing_new, "commits": project.versions() != before},
            "peers": [],
        }
        for peer, python in peers.items():
            figures["peers"] += self._bench_peer(peer, python, to_gold)
        shutil.rmtree(self._folder)
        return figures

    def _add_faults(self, name: str, faults: Sequence[str]) -> None:
        self.faults += [f"{name}: {fault}" for fault in faults]

    def _figures(self, run: Run) -> dict[str, Any]:
        dollars = self._options.dollars(run.seconds, self._landing.reviews, machine.cores())
        figures = run.as_dict(self._landing.reviews)
        return figures | {"dollars_per_100_million": round(dollars, 4)}

    def _bench_peer(self, peer: Peer, python: str, project: Run) -> list[dict[str, Any]]:
        """Return the figures of the peer, or none if it failed, which is a fault."""
        self._say(f"{self._landing.reviews:,} reviews: {peer.name}")
        out = self._folder / peer.key
        try:
            run = run_peer(peer, python, self._landing.folder, out)
            agreement = compare(project.gold, run.gold, project.rows)
        except (CommandError, duckdb.Error) as error:
            self._add_faults(peer.name, [str(error)])
            return []
        self._add_faults(peer.name, peer_faults(out, self._landing.folder, agreement))
        shutil.rmtree(out)
        figures = self._figures(run) | {
            "requirements": list(peer.requirements),
            "differences": run.differences,
            "times_our_seconds": round(run.seconds / project.seconds, 2),
            "agreement": agreement.as_dict(),
        }
        return [figures]


def _bench_small(reviews: int, folder: Path, say: Say) -> dict[str, Any]:
    """Measure landing zone to warehouse in one command, with the partitions of the demo."""
    landing = landing_zone(folder / "landing", reviews, 10, say)
    say(f"{reviews:,} reviews: to the warehouse")
    project = Project(landing.folder, folder / "project")
    run = project.run(f"{reviews:,} reviews, to warehouse", TO_WAREHOUSE)
    faults = project_faults(project, landing.folder)
    shutil.rmtree(folder)
    return run.as_dict(reviews) | {"reviews": reviews, "faults": faults}


def _bench_partition(rows: int, folder: Path, say: Say) -> dict[str, Any]:
    """Measure bronze to gold for one of two partitions, after its files were uploaded again."""
    landing = landing_zone(folder / "landing", 2 * rows, 2, say)
    project = Project(landing.folder, folder / "project")
    say(f"one partition of {rows:,} rows")
    project.run("both partitions", TO_GOLD)
    for path in (landing.folder / "amazon_reviews" / "partition_2").iterdir():
        path.touch()
    run = project.run(f"one partition of {rows:,}, to gold", TO_GOLD)
    faults = project_faults(project, landing.folder)
    shutil.rmtree(folder)
    return run.as_dict(rows) | {"reviews": rows, "faults": faults}


def as_json(figures: dict[str, Any]) -> str:
    """Return the figures as JSON."""
    return json.dumps(figures, indent=2)
