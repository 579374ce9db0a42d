"""The peers of the batch benchmark."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import InstallError, install

NO_JAVA = "no java was found"


@dataclass(frozen=True)
class Peer:
    """A module of `benchmarks.peers` that does the batch job.

    Attributes:
        key: Its name on the command line.
        name: Its name in the report.
        module: The module, which is run with the landing zone and an output folder.
        requirements: Pinned packages of its own environment; without any it runs in this one.
        needs_java: It starts a JVM.
    """

    key: str
    name: str
    module: str
    requirements: tuple[str, ...] = ()
    needs_java: bool = False


PEERS = (
    Peer("duckdb", "DuckDB SQL", "duckdb_sql"),
    Peer("polars", "Polars", "polars_frames", ("polars==2.1.0", "polars-hash==0.9.3")),
    Peer("clickhouse", "ClickHouse (chdb)", "clickhouse_sql", ("chdb==4.4.0",)),
    Peer("spark", "JVM Spark", "spark_local", needs_java=True),
)


@dataclass(frozen=True)
class Pythons:
    """The Python of each peer that can run, and the reasons of the others."""

    by_peer: dict[Peer, str]
    skipped: list[str]


def prepare(keys: Sequence[str], folder: Path) -> Pythons:
    """Install what the peers need, each into its own environment below `folder`."""
    pythons = Pythons({}, [])
    for peer in PEERS:
        if peer.key not in keys:
            continue
        if peer.needs_java and java() is None:
            pythons.skipped.append(f"{peer.name}: {NO_JAVA}")
            continue
        try:
            pythons.by_peer[peer] = (
                install(peer.requirements, folder / peer.key)
                if peer.requirements
                else sys.executable
            )
        except InstallError as error:
            pythons.skipped.append(f"{peer.name}: {error}")
    return pythons


def java() -> str | None:
    """Return the `java` that Spark starts, or None without Java."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
