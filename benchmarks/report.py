"""The report: the figures as plain text, and the verdict on each target."""

from collections.abc import Iterator
from typing import Any

from benchmarks import landing_zone, marts, profiles
from benchmarks.layout import Target, steps_text, table
from benchmarks.peers.duckdb_statements import DIFFERENCES
from benchmarks.stream_report import stream_lines, stream_targets

_HEAD = ("run", "seconds", "reviews/s", "CPU s", "peak MiB", "gold rows", "times ours")


def targets(figures: dict[str, Any]) -> list[Target]:
    """Return the targets of all measurements."""
    batch = _batch_targets(figures) if figures["sizes"] else []
    by_profile = profiles.targets(figures["profiles"]) if "profiles" in figures else []
    stream = stream_targets(figures["stream"]) if "stream" in figures else []
    azure = landing_zone.targets(figures["landing_zone"]) if "landing_zone" in figures else []
    mart_targets = marts.targets(figures["marts"]) if "marts" in figures else []
    return [*batch, *by_profile, *stream, *mart_targets, *azure]


def _batch_targets(figures: dict[str, Any]) -> list[Target]:
    """Return the targets of the batch path at the largest size of each run."""
    first, last = figures["sizes"][0], figures["sizes"][-1]
    at = f"at {last['reviews']:,}"
    spark = [ratio for size in figures["sizes"] if (ratio := _ratio(size, "JVM Spark")) is not None]
    duckdb = _ratio(last, "DuckDB SQL")
    peak = last["project"]["peak_mib"]
    commits = any(size["nothing_new"]["commits"] for size in figures["sizes"])
    slowest = max(size["nothing_new"]["seconds"] for size in figures["sizes"])
    single, small = figures["partition"], figures["small"]
    return [
        Target(
            f"at least 75,000 reviews/s to gold {at}",
            75_000,
            last["project"]["reviews_per_second"],
            least=True,
        ),
        Target(
            f"at most 1.5 times DuckDB's time {at}", 1.5, None if duckdb is None else 1 / duckdb
        ),
        Target("at least 3 times faster than JVM Spark", 3, spark[-1] if spark else None, True),
        Target(f"peak memory at most 3 GiB {at}, in MiB", 3072, peak),
        Target(
            f"peak memory {at} at most 1.5 times that at the smallest size",
            1.5,
            peak / first["project"]["peak_mib"] if last is not first else None,
        ),
        Target("nothing new: at most 5 s", 5, slowest),
        Target("nothing new: no commit", 0.5, float(commits)),
        Target(
            f"one partition of {single['reviews']:,} rows, landing to gold: at most 10 s",
            10,
            single["seconds"],
        ),
        Target(
            f"landing to warehouse at {small['reviews']:,} reviews: at most 30 s",
            30,
            small["seconds"],
        ),
    ]


def _ratio(size: dict[str, Any], name: str) -> float | None:
    ratios = [peer["times_our_seconds"] for peer in size["peers"] if peer["name"] == name]
    return float(ratios[0]) if ratios else None


def text(figures: dict[str, Any], command: str) -> str:
    """Return the report as text."""
    return "\n".join(_lines(figures, command))


def _lines(figures: dict[str, Any], command: str) -> Iterator[str]:
    yield f"$ {command}"
    yield from _machine(figures["machine"])
    if figures["sizes"]:
        yield from _batch(figures)
    if "profiles" in figures:
        yield from profiles.lines(figures["profiles"])
    if "stream" in figures:
        yield from stream_lines(figures["stream"])
    if "marts" in figures:
        yield from marts.lines(figures["marts"])
    if "landing_zone" in figures:
        yield from landing_zone.lines(figures["landing_zone"])
    yield from (f"skipped: {reason}" for reason in figures["skipped"])
    yield "\nTargets"
    yield from (f"  {target.text}: {target.verdict}" for target in targets(figures))


def _batch(figures: dict[str, Any]) -> Iterator[str]:
    for size in figures["sizes"]:
        yield from _size(size)
    yield from _others(figures)
    yield "\nWhere the DuckDB job does less than the project"
    yield from (f"  - {difference}" for difference in DIFFERENCES)


def _machine(machine: dict[str, Any]) -> Iterator[str]:
    yield f"CPU: {machine['cpu']}, {machine['cores']} cores; memory: {machine['memory_gib']} GiB"
    yield f"load before: {machine['load_before']}"
    others = ("cpu", "cores", "memory_gib", "load_before")
    yield ", ".join(f"{name} {value}" for name, value in machine.items() if name not in others)


def _size(size: dict[str, Any]) -> Iterator[str]:
    yield (
        f"\n{size['reviews']:,} reviews, {size['products']:,} products, "
        f"{size['partitions']} partitions, {size['landing_bytes'] / 2**20:,.0f} MiB of .json.gz; "
        f"{size['expected_rows']:,} rows expected in gold"
    )
    whole = {"name": "project, to warehouse", "rows": size["project"]["rows"]}
    whole |= _sum(size["project"], size["warehouse"], size["reviews"])
    rows = [
        _row(size["project"] | {"name": "project, to gold"}, "1.00"),
        _row(whole, f"{whole['seconds'] / size['project']['seconds']:.2f}"),
        *(_row(peer, f"{peer['times_our_seconds']:.2f}") for peer in size["peers"]),
        _row(size["nothing_new"] | {"name": "project, nothing new"}, ""),
    ]
    yield from table([_HEAD, *rows])
    for peer in size["peers"]:
        yield f"{peer['name']}: {_agreement(peer, size['expected_rows'])}"
    yield from _steps(size)


def _sum(first: dict[str, Any], second: dict[str, Any], reviews: int) -> dict[str, Any]:
    """Return the figures of two commands that ran one after the other."""
    seconds = first["seconds"] + second["seconds"]
    return {
        "seconds": seconds,
        "reviews_per_second": reviews / seconds,
        "cpu_seconds": first["cpu_seconds"] + second["cpu_seconds"],
        "peak_mib": max(first["peak_mib"], second["peak_mib"]),
    }


def _row(run: dict[str, Any], ratio: str) -> tuple[str, ...]:
    return (
        run["name"],
        f"{run['seconds']:,.1f}",
        f"{run['reviews_per_second']:,.0f}",
        f"{run['cpu_seconds']:,.1f}",
        f"{run['peak_mib']:,}",
        f"{run['rows']:,}",
        ratio,
    )


def _agreement(peer: dict[str, Any], expected: int) -> str:
    agreement = peer["agreement"]
    count = "the rows that are expected" if peer["rows"] == expected else "OTHER ROWS THAN EXPECTED"
    differing = {name: n for name, n in agreement["differing"].items() if n}
    values = "all values agree" if not differing else f"values differ: {differing}"
    missing = f", {agreement['only_in_one']} only in one" if agreement["only_in_one"] else ""
    return f"{count}; of {agreement['ids']:,} reviews compared {values}{missing}"


def _steps(size: dict[str, Any]) -> Iterator[str]:
    yield "steps, seconds on the clock / of all processors for 100,000 reviews"
    for run in (size["project"] | {"name": "project"}, *size["peers"]):
        yield f"  {run['name']}: {steps_text(run['steps'], size['reviews'] / 100_000)}"


def _others(figures: dict[str, Any]) -> Iterator[str]:
    small, single = figures["small"], figures["partition"]
    yield ""
    rows = [
        _row(small | {"name": f"{small['reviews']:,} reviews, to warehouse"}, ""),
        _row(single | {"name": f"one partition of {single['reviews']:,}, to gold"}, ""),
    ]
    yield from table([_HEAD, *rows])
