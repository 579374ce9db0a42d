"""The report: the figures as plain text, and the verdict on each target."""

from collections.abc import Iterator
from typing import Any

from benchmarks import landing_zone, marts, profiles
from benchmarks.batch_report import batch_lines, batch_targets
from benchmarks.layout import Target
from benchmarks.stream_report import stream_lines, stream_targets


def targets(figures: dict[str, Any]) -> list[Target]:
    """Return the targets of all measurements."""
    batch = batch_targets(figures) if figures["sizes"] else []
    by_profile = profiles.targets(figures["profiles"]) if "profiles" in figures else []
    stream = stream_targets(figures["stream"]) if "stream" in figures else []
    azure = landing_zone.targets(figures["landing_zone"]) if "landing_zone" in figures else []
    mart_targets = marts.targets(figures["marts"]) if "marts" in figures else []
    return [*batch, *by_profile, *stream, *mart_targets, *azure]


def text(figures: dict[str, Any], command: str) -> str:
    """Return the report as text."""
    return "\n".join(_lines(figures, command))


def _lines(figures: dict[str, Any], command: str) -> Iterator[str]:
    yield f"$ {command}"
    yield from _machine(figures["machine"])
    if figures["sizes"]:
        yield from _requirements(figures["sizes"])
    if figures["sizes"]:
        yield from batch_lines(figures)
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


def _machine(machine: dict[str, Any]) -> Iterator[str]:
    yield f"CPU: {machine['cpu']}, {machine['cores']} cores; memory: {machine['memory_gib']} GiB"
    yield f"load before: {machine['load_before']}"
    others = ("cpu", "cores", "memory_gib", "load_before")
    yield ", ".join(f"{name} {value}" for name, value in machine.items() if name not in others)


def _requirements(sizes: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the packages of the peers that have an environment of their own."""
    packages = {name for size in sizes for peer in size["peers"] for name in peer["requirements"]}
    if packages:
        yield f"peers, in their own environments: {', '.join(sorted(packages))}"
