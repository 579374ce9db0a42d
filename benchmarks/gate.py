"""The correctness gate: row counts of the truth, a reconciliation that balances, equal values."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.agreement import Agreement
from benchmarks.runs import ROOT, Project

REVIEWS = "silver/reviews"


@dataclass(frozen=True)
class Outcome:
    """Rows of gold, and the places where the lines of reviews ended."""

    gold_reviews: int
    gold_products: int
    kept: int
    duplicates: int
    rejected: dict[str, int] = field(default_factory=dict)

    def faults(self, expected: "Outcome") -> Iterator[str]:
        """Yield a sentence for each number that differs from the expected one."""
        found = asdict(self)
        for name, number in asdict(expected).items():
            if found[name] != number:
                label = name.replace("_", " ")
                yield f"{label}: expected {_text(number)}, found {_text(found[name])}"


def _text(number: int | dict[str, int]) -> str:
    if isinstance(number, int):
        return f"{number:,}"
    return ", ".join(f"{name} {count:,}" for name, count in sorted(number.items())) or "none"


def truth(landing: Path) -> Outcome:
    """Return the outcome that truth.json of a landing zone states."""
    stated: dict[str, Any] = json.loads((landing / "truth.json").read_text())
    partitions = stated["reviews"].values()
    rejected: Counter[str] = Counter()
    for partition in partitions:
        rejected.update(partition["rejected"])
    return Outcome(
        stated["gold"]["reviews"],
        stated["gold"]["products"],
        sum(partition["distinct"] for partition in partitions),
        sum(partition["duplicates_within"] for partition in partitions),
        dict(rejected),
    )


def project_faults(project: Project, landing: Path) -> list[str]:
    """Return what is wrong with a lakehouse, as `amazon-reviews reconcile` and the truth see it."""
    command = [sys.executable, "-m", "amazon_reviews.cli", "reconcile", "--json"]
    process = subprocess.run(
        command, env=project.environ, cwd=ROOT, capture_output=True, text=True, check=False
    )
    unbalanced = process.stderr.strip().splitlines()[-5:] if process.returncode else []
    faults = [f"reconcile: {line}" for line in unbalanced]
    if not process.stdout:
        return faults or ["reconcile: no output"]
    return [*faults, *_project_outcome(project, process.stdout).faults(truth(landing))]


def _project_outcome(project: Project, reconciliation: str) -> Outcome:
    kept: Counter[str] = Counter()
    duplicates: Counter[str] = Counter()
    for row in json.loads(reconciliation):
        table = f"{row['layer']}/{row['table']}"
        kept[table] += row["kept"]
        duplicates[table] += row["duplicates"]
    return Outcome(
        kept["gold/reviews"],
        kept["gold/products"],
        kept[REVIEWS],
        duplicates[REVIEWS],
        _project_rejected(project.lakehouse / "silver" / "rejected"),
    )


def _project_rejected(folder: Path) -> dict[str, int]:
    from deltalake import DeltaTable

    if not folder.exists():
        return {}
    with duckdb.connect() as db:
        db.register("rejected", DeltaTable(str(folder)).to_pyarrow_dataset())
        query = "SELECT reason, count(*) FROM rejected WHERE \"table\" = 'reviews' GROUP BY 1"
        return dict(db.execute(query).fetchall())


def peer_faults(out: Path, landing: Path, agreement: Agreement) -> list[str]:
    """Return what is wrong with the files of a peer, and which values differ from the project's."""
    with duckdb.connect() as db:
        reasons = _files(out / "silver" / "rejected" / "reviews")
        rejected = (
            dict(db.execute(f"SELECT reason, count(*) FROM {reasons} GROUP BY 1").fetchall())
            if reasons
            else {}
        )
        counts = {
            name: _count(db, out / table)
            for name, table in {
                "gold_reviews": "gold/reviews",
                "gold_products": "gold/products",
                "kept": REVIEWS,
                "duplicates": "silver/duplicates/reviews",
            }.items()
        }
    found = Outcome(**counts, rejected=rejected)
    return [*found.faults(truth(landing)), *value_faults(agreement)]


def value_faults(agreement: Agreement) -> Iterator[str]:
    """Yield a sentence for each column with other values than those of the project."""
    if not agreement.ids:
        yield "values: no review to compare"
    if agreement.only_in_one:
        yield f"reviews: {agreement.only_in_one:,} of the sample in one table only"
    for column, count in agreement.differing.items():
        if count:
            yield f"{column}: {count:,} of {agreement.ids:,} values differ from the project's"


def _files(folder: Path) -> str:
    """Return the Parquet files of a table as SQL, or '' without any."""
    return f"read_parquet('{folder}/**/*.parquet')" if any(folder.rglob("*.parquet")) else ""


def _count(db: duckdb.DuckDBPyConnection, folder: Path) -> int:
    files = _files(folder)
    return int(db.execute(f"SELECT count(*) FROM {files}").fetchall()[0][0]) if files else 0
