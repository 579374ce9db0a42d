"""The report of the stream path, and its targets."""

from collections.abc import Iterator
from typing import Any

from benchmarks.layout import Target, steps_text, table

_HEAD = ("run", "seconds", "events/s", "of client's", "CPU s", "hub's CPU s", "peak MiB", "rows")
_PATHS = {"client": "client alone", "bronze": "project, to bronze", "gold": "project, to gold"}


def stream_targets(figures: dict[str, Any]) -> list[Target]:
    """Return the targets of the stream path at the larger number of events."""
    few, many = figures["sizes"]
    at = f"at {many['events']:,} events"
    goals = [
        Target(
            f"hub to bronze: at least 80 % of the client's events/s {at}",
            0.8,
            _share(many, "bronze"),
            least=True,
        ),
        *(
            Target(
                f"hub to {layer}: peak memory {at} at most 1.5 times that at {few['events']:,}",
                1.5,
                many[layer]["peak_mib"] / few[layer]["peak_mib"],
            )
            for layer in ("bronze", "gold")
        ),
    ]
    late = figures.get("latency")
    paused = max(late["after_pauses"]) if late else None
    return [
        *goals,
        Target("an event is in gold within 4 s, median", 4, late["median"] if late else None),
        Target("an event is in gold within 8 s, of 95 %", 8, late["p95"] if late else None),
        Target("the first event after a pause is in gold within 15 s", 15, paused),
    ]


def stream_lines(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the report about the stream."""
    for size in figures["sizes"]:
        yield from _size(size, figures["hub_partitions"])
    client = figures["client"]
    yield (
        "client: azure-eventhub's consumer, receive_batch over all partitions, max_batch_size "
        f"{client['max_batch_size']:,}, prefetch {client['prefetch']:,}; events are dropped"
    )
    yield (
        "events/s of client and bronze: from the first batch to the last, or to the commit; "
        "of gold: of the whole command"
    )
    if late := figures.get("latency"):
        yield from _latency(late)


def _size(size: dict[str, Any], partitions: int) -> Iterator[str]:
    yield f"\n{size['events']:,} events in the {partitions} partitions of the event hub emulator"
    yield from table([_HEAD, *(_row(size, path) for path in _PATHS)])
    for path in ("client", "bronze"):
        rates = size[path]["rates"]
        if len(rates) > 1:
            all_rates = ", ".join(f"{rate:,}" for rate in rates)
            yield f"{_PATHS[path]}: the median of {all_rates} events/s"
    for path, expected in (
        ("client", size["events"]),
        ("bronze", size["events"]),
        ("gold", size["expected_gold_rows"]),
    ):
        if size[path]["rows"] != expected:
            yield f"{_PATHS[path]}: OTHER ROWS THAN EXPECTED ({expected:,})"
    yield f"caught up with {size['events']:,} events in {size['gold']['seconds']:,.1f} s"
    yield f"  seconds on the clock / of all processors: {steps_text(size['gold']['steps'])}"


def _row(size: dict[str, Any], path: str) -> tuple[str, ...]:
    run = size[path]
    return (
        _PATHS[path],
        f"{run['seconds']:,.1f}",
        f"{run['events_per_second']:,}",
        f"{_share(size, path) or 0:.0%}" if path != "gold" else "",
        f"{run['cpu_seconds']:,.1f}",
        f"{run['hub_cpu_seconds']:,.1f}",
        f"{run['peak_mib']:,}",
        f"{run['rows']:,}",
    )


def _share(size: dict[str, Any], path: str) -> float | None:
    """Return the events per second as a share of the client's."""
    alone = size["client"]["events_per_second"]
    return size[path]["events_per_second"] / alone if alone else None


def _latency(late: dict[str, Any]) -> Iterator[str]:
    after_pauses = ", ".join(f"{seconds:,.1f}" for seconds in late["after_pauses"])
    yield (
        f"\n{late['events']:,} single events while the daemon runs, "
        f"{late['events_per_second']:g} a second, {late['gold_rows']:,} reviews from files in gold"
    )
    yield (
        f"  from sent to in gold: median {late['median']:,.1f} s, 95 % {late['p95']:,.1f} s, "
        f"slowest {late['max']:,.1f} s; after pauses {after_pauses} s; "
        f"{late['stream_runs']} stream runs"
    )
    ended = "stopped on SIGINT" if late["daemon_ended_cleanly"] else "HAD TO BE KILLED"
    yield (
        f"  the first, sent when the daemon started, {late['start_seconds']:,.1f} s; "
        f"the daemon {ended}"
    )
