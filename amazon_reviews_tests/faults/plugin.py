"""The fault-injection suite: its options, its random kills, and the table of what was found.

A test that injects faults is marked with their kind: `@pytest.mark.fault("damaged files")`. One
with a share of `--kills`, `@pytest.mark.fault("kill of a batch run", share=0.3)`, gets that many
random moments as its argument `moment`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from _pytest.terminal import TerminalReporter

KIND = "kind of fault"
LOST, TWICE = "rows lost", "rows too many"
_HEAD = ("fault", "injected", "recovered", LOST, TWICE, "left to repair by hand", "skipped")


@dataclass
class Line:
    """The results of a kind of fault."""

    counts: Counter[str] = field(default_factory=Counter)

    def cells(self, kind: str) -> tuple[str, ...]:
        """Return the cells of the line in the table."""
        return (kind, *(f"{self.counts[name]:,}" for name in _HEAD[1:]))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the suite."""
    group = parser.getgroup("fault injection")
    group.addoption("--kills", type=int, default=200, help="kills at random moments")
    group.addoption("--kill-seed", default="1", help="another seed gives other moments")
    group.addoption("--fault-table", type=Path, help="file for the table of results, in Markdown")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test of kills its random moments, as shares of the time that the command takes."""
    marker = metafunc.definition.get_closest_marker("fault")
    if marker and "share" in marker.kwargs:
        number = max(1, round(marker.kwargs["share"] * metafunc.config.getoption("kills")))
        seed = metafunc.config.getoption("kill_seed")
        random = Random(f"{seed} {metafunc.definition.name}")
        moments = [round(random.random(), 4) for _ in range(number)]
        metafunc.parametrize("moment", moments, ids=[f"{moment:.4f}" for moment in moments])


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note the kind of fault, which the report of a test passes on."""
    if marker := item.get_closest_marker("fault"):
        item.user_properties.append((KIND, marker.args[0]))


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Print the table, and write it as Markdown if asked."""
    lines = _lines(terminalreporter)
    if not lines:
        return
    rows = [_HEAD, *(line.cells(kind) for kind, line in sorted(lines.items()))]
    terminalreporter.section("faults injected")
    for row in _markdown(rows):
        terminalreporter.write_line(row)
    if file := config.getoption("fault_table"):
        file.write_text("\n".join([*_markdown(rows), ""]))


def _lines(reporter: TerminalReporter) -> dict[str, Line]:
    """Return the results of each kind of fault; a test without counts injects one fault."""
    lines: dict[str, Line] = defaultdict(Line)
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in reporter.stats.get(outcome, ()):
            properties = dict(getattr(report, "user_properties", ()))
            if KIND not in properties:
                continue
            counts = lines[properties[KIND]].counts
            if outcome == "skipped":
                counts["skipped"] += 1
                continue
            counts["injected"] += 1
            counts["recovered" if outcome == "passed" else "left to repair by hand"] += 1
            for name in (LOST, TWICE):
                counts[name] += properties.get(name, 0)
    return lines


def _markdown(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield f"| {' | '.join(row)} |"
        if number == 0:
            yield f"| --- |{' ---: |' * (len(row) - 1)}"
