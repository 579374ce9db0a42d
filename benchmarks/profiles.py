"""The batch path by source profile: the same reviews in files of 2018 and of 2023, to gold."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.batch import LARGEST_PARTITION, Landing, Say, landing_zone, on_stderr
from benchmarks.layout import Target, steps_text, table
from benchmarks.runs import TO_GOLD, Project

BASE, COMPARED = PROFILES = ("amazon_2018", "amazon_2023")
ROUNDS = 3
_LEAST_SHARE = 0.9
_HEAD = ("profile", "seconds", "reviews/s", "CPU s", "peak MiB", "gold rows")


def bench(reviews: int, folder: Path, rounds: int = ROUNDS, say: Say = on_stderr) -> dict[str, Any]:
    """Bring both landing zones to gold in turn, `rounds` times, each with a new lakehouse.

    Raises:
        CommandError: A run failed.
    """
    partitions = max(2, -(-reviews // LARGEST_PARTITION))
    landings = {
        profile: landing_zone(folder / profile, reviews, partitions, say, profile)
        for profile in PROFILES
    }
    runs: dict[str, list[dict[str, Any]]] = {profile: [] for profile in PROFILES}
    for number in range(1, rounds + 1):
        for profile, landing in landings.items():
            say(f"{reviews:,} reviews of {profile}: round {number} of {rounds}")
            runs[profile].append(_run(landing, folder / "project"))
    shutil.rmtree(folder)
    return {
        "reviews": reviews,
        "profiles": [
            {"name": name, "expected_rows": landings[name].gold_rows, "runs": runs[name]}
            for name in PROFILES
        ],
        # Of the runs right after each other, since the load of a machine changes.
        "ratios": [
            round(base["seconds"] / compared["seconds"], 3)
            for base, compared in zip(runs[BASE], runs[COMPARED], strict=True)
        ],
    }


def _run(landing: Landing, out: Path) -> dict[str, Any]:
    run = Project(landing.folder, out).run("to gold", TO_GOLD)
    shutil.rmtree(out)
    return run.as_dict(landing.reviews)


def targets(figures: dict[str, Any]) -> list[Target]:
    """Return the target: the speed of the 2023 profile as a share of that of 2018."""
    text = f"{COMPARED} to gold at {figures['reviews']:,}: at least 90 % of the speed of {BASE}"
    return [Target(text, _LEAST_SHARE, median(figures["ratios"]), least=True)]


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the report; the run of a profile is its median one."""
    yield f"\n{figures['reviews']:,} reviews to gold, by source profile"
    middle = {each["name"]: _median(each["runs"]) for each in figures["profiles"]}
    yield from table([_HEAD, *(_row(name, run) for name, run in middle.items())])
    for each in figures["profiles"]:
        if any(run["rows"] != each["expected_rows"] for run in each["runs"]):
            yield f"{each['name']}: OTHER ROWS THAN EXPECTED ({each['expected_rows']:,})"
    ratios = ", ".join(f"{ratio:.2f}" for ratio in figures["ratios"])
    yield f"speed of {COMPARED} as a share of that of {BASE}, in turn: {ratios}"
    yield "steps, seconds on the clock / of all processors for 100,000 reviews"
    for name, run in middle.items():
        yield f"  {name}: {steps_text(run['steps'], figures['reviews'] / 100_000)}"


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]


def _row(name: str, run: dict[str, Any]) -> tuple[str, ...]:
    return (
        name,
        f"{run['seconds']:,.1f}",
        f"{run['reviews_per_second']:,}",
        f"{run['cpu_seconds']:,.1f}",
        f"{run['peak_mib']:,}",
        f"{run['rows']:,}",
    )
