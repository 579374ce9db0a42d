"""The part of the report on the batch path: its tables, its gate and its targets."""

from collections.abc import Iterator
from typing import Any

from benchmarks.layout import Target, steps_text, table
from benchmarks.runs import LAYERS

_HEAD = (
    "run",
    "seconds",
    "reviews/s",
    "CPU s",
    "peak MiB",
    "MiB written",
    "$/100M",
    "gold rows",
    "times ours",
)


def batch_targets(figures: dict[str, Any]) -> list[Target]:
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


def batch_lines(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the report."""
    for size in figures["sizes"]:
        yield from _size(size)
    yield from _others(figures)
    cores, price = figures["machine"]["cores"], figures["core_hour"]
    yield (
        f"$/100M: dollars for 100 million reviews at an assumed ${price:g} per core hour: seconds"
        f" times {cores} cores"
    )
    yield (
        "MiB written: files in the folders of bronze, silver and gold at the end of the run, logs"
        " of tables included, warehouse and scratch files not"
    )
    yield "reviews/s: input lines; peak MiB: resident memory of all processes together"
    yield from _differences(figures["sizes"])
    yield from _gate(figures)


def _differences(sizes: list[dict[str, Any]]) -> Iterator[str]:
    """Yield each sentence once, after the names of the peers that it is about."""
    names: dict[str, list[str]] = {}
    for peer in {peer["name"]: peer for size in sizes for peer in size["peers"]}.values():
        for sentence in peer["differences"]:
            names.setdefault(sentence, []).append(peer["name"])
    if names:
        yield "\nWhere the peers do less than the project, or otherwise"
        yield from (f"  - {', '.join(each)}: {sentence}" for sentence, each in names.items())


def _gate(figures: dict[str, Any]) -> Iterator[str]:
    yield "\nCorrectness gate"
    if figures["faults"]:
        yield "  FAILED"
        yield from (f"  - {fault}" for fault in figures["faults"])
    else:
        yield (
            "  passed: the reconciliation of the project balances; gold rows, kept, duplicate and"
            " rejected lines are those of truth.json for the project and each peer; the compared"
            " values of each peer are equal to the project's"
        )


def _size(size: dict[str, Any]) -> Iterator[str]:
    yield (
        f"\n{size['reviews']:,} reviews, {size['products']:,} products, "
        f"{size['partitions']} partitions, {size['landing_bytes'] / 2**20:,.0f} MiB of .json.gz; "
        f"{size['expected_rows']:,} rows expected in gold"
    )
    yield f"SHA-256 of the decompressed files: {size['checksum']}"
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
    yield from _written(size)
    yield from _steps(size)


def _sum(first: dict[str, Any], second: dict[str, Any], reviews: int) -> dict[str, Any]:
    """Return the figures of two commands that ran one after the other."""
    seconds = first["seconds"] + second["seconds"]
    return {
        "seconds": seconds,
        "reviews_per_second": reviews / seconds,
        "cpu_seconds": first["cpu_seconds"] + second["cpu_seconds"],
        "peak_mib": max(first["peak_mib"], second["peak_mib"]),
        "bytes": second["bytes"],
        "dollars_per_100_million": first["dollars_per_100_million"]
        + second["dollars_per_100_million"],
    }


def _row(run: dict[str, Any], ratio: str) -> tuple[str, ...]:
    dollars = run.get("dollars_per_100_million")
    return (
        run["name"],
        f"{run['seconds']:,.1f}",
        f"{run['reviews_per_second']:,.0f}",
        f"{run['cpu_seconds']:,.1f}",
        f"{run['peak_mib']:,}",
        f"{sum(run['bytes'].values()) / 2**20:,.0f}",
        "" if dollars is None else f"{dollars:,.3f}",
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


def _written(size: dict[str, Any]) -> Iterator[str]:
    yield "MiB written by layer"
    for run in (size["project"] | {"name": "project"}, *size["peers"]):
        layers = ", ".join(f"{layer} {run['bytes'][layer] / 2**20:,.0f}" for layer in LAYERS)
        yield f"  {run['name']}: {layers}"


def _steps(size: dict[str, Any]) -> Iterator[str]:
    yield "steps, seconds on the clock / of all processors for 100,000 reviews"
    for run in (size["project"] | {"name": "project"}, *size["peers"]):
        yield f"  {run['name']}: {steps_text(run['steps'], size['reviews'] / 100_000)}"


def _others(figures: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield from table([_HEAD, *(_row(figures[name], "") for name in ("small", "partition"))])
