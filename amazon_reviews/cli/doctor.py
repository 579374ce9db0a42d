"""`amazon-reviews doctor`."""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.deep import damage, deep_option
from amazon_reviews.cli.common.faults import local_places
from amazon_reviews.defs.resources import places_of
from amazon_reviews.disk import Place, readable_size
from amazon_reviews.errors import AmazonReviewsError, LandingError
from amazon_reviews.pipeline.datasets import DATASETS
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.renamed_tables import old_tables
from amazon_reviews.pipeline.state import observe
from amazon_reviews.planner.plan import make_plan
from amazon_reviews.redaction import redacted
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.unmatched import describe_alike
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.resources.spark.engine import start_session
from amazon_reviews.resources.spark.jvm import check_java, fetched_jars, jars_folder
from amazon_reviews.resources.warehouse.connect import file_of, open_warehouse
from amazon_reviews.schemas.renamed import RENAMED_TABLES

_PACKAGES = (
    "amazon-reviews",
    "dagster",
    "pyspark",
    "pysail",
    "deltalake",
    "duckdb",
    "google-cloud-bigquery",
)
# Less is used up by the events and temporary files of a single run.
_LEAST_FREE_BYTES = 16 << 20


@dataclass(frozen=True)
class Finding:
    """One line of the report, with `advice`; nothing can run if it is `wrong`."""

    subject: str
    value: str
    advice: str = ""
    wrong: bool = False


@click.command()
@deep_option
def doctor(deep: bool) -> None:
    """Check settings, versions and connections; exit 2 on a problem.

    With --deep, exit 1 if a stored file is damaged.
    """
    settings = config.load()
    wrong = damaged = False
    for finding in examine(settings):
        wrong |= finding.wrong
        mark = "!!" if finding.wrong else "ok"
        echo(f"{mark}  {finding.subject:26} {finding.value}")
        if finding.advice:
            echo(f"{'':30} -> {finding.advice}")
    for line in damage(places_of(settings), settings.dagster_home) if deep else ():
        damaged = True
        echo(f"!!  {line}")
    if deep and not damaged:
        echo("ok  every stored file is as it was written")
    sys.exit(2 if wrong else int(damaged))


def examine(settings: config.Settings) -> Iterator[Finding]:
    """Yield versions and settings, then the state of each location and of the engine."""
    yield Finding("python", platform.python_version())
    for package in _PACKAGES:
        yield Finding(package, version(package))
    yield from _landing(settings)
    yield _lakehouse(settings)
    for place in local_places(settings):
        if place.setting not in (config.LANDING, config.LAKEHOUSE, config.WAREHOUSE):
            yield _writable(place)
    yield _reached(config.WAREHOUSE, settings.warehouse, lambda: _tables(settings))
    yield from _warehouse_room(settings)
    yield from _old_tables(settings)
    yield from _pending(settings)
    if settings.event_hub:
        yield _reached(config.EVENT_HUB, _hub(settings).name, lambda: _events(settings))
    else:
        yield Finding(config.EVENT_HUB, "not set: streaming is off")
    if settings.engine == "spark":
        yield _reached("java", "Java", check_java)
        yield _reached("jars", str(jars_folder()), lambda: f"{len(fetched_jars())} as pinned")
    # The parameters of an address may hold a token.
    address = settings.engine.split("/;")[0]
    yield _reached(config.ENGINE, address, lambda: _query(settings))


def _landing(settings: config.Settings) -> Iterator[Finding]:
    location = settings.landing
    zone = LandingZone.of(settings)
    try:
        listings = {
            dataset.folder: zone.listing(dataset.folder, dataset.layout) for dataset in DATASETS
        }
        unmatched = zone.unmatched_elsewhere([*listings])
    except (LandingError, OSError) as error:
        yield Finding(config.LANDING, location, str(error), wrong=True)
        return
    numbers = {folder: len(listing.partitions) for folder, listing in listings.items()}
    unreadable = [str(e) for listing in listings.values() for e in listing.unreadable.values()]
    advice = "" if any(numbers.values()) else "put files there, or run `amazon-reviews sample`"
    advice = "; ".join(unreadable) or advice
    counts = ", ".join(f"partitions of {folder}: {number}" for folder, number in numbers.items())
    exists = config.is_remote(location) or Path(location).is_dir()
    yield Finding(config.LANDING, f"{location} ({counts})", advice, wrong=not exists)
    for listing in listings.values():
        unmatched.update(listing.unmatched)
    for row in unmatched.rows():
        value = f"{row['count']:,}: {row['reason']}, such as {row['examples']}"
        yield Finding("not read", value, str(row["advice"]))
    alike = [f"{folder}/{path}" for folder, listing in listings.items() for path in listing.alike]
    for text in describe_alike(alike):
        yield Finding("names", text)


def _lakehouse(settings: config.Settings) -> Finding:
    location = settings.lakehouse
    if not config.is_remote(location):
        return _writable(Place(config.LAKEHOUSE, Path(location)))
    return _reached(config.LAKEHOUSE, location, lambda: _locked(location))


def _locked(location: str) -> str:
    with Lakehouse(location).lock("doctor"):
        return "can be written to"


def _warehouse_room(settings: config.Settings) -> Iterator[Finding]:
    """Report the room that the two files of a DuckDB warehouse take, and a copy of one needs."""
    file = file_of(settings.warehouse)
    if not (file and file.is_file()):
        return
    size, free = file.stat().st_size, Place(config.WAREHOUSE, file).free_bytes
    advice = "free some space: an update needs a copy while a reader keeps the hidden file open"
    value = f"two files of {readable_size(size)}, {readable_size(free)} free"
    yield Finding("warehouse room", value, advice if free < size else "")


def _old_tables(settings: config.Settings) -> Iterator[Finding]:
    try:
        keys = old_tables(Lakehouse(settings.lakehouse), open_warehouse(settings.warehouse))
    except AmazonReviewsError:
        # Lakehouse and warehouse have findings of their own.
        return
    for key in keys:
        advice = "run `amazon-reviews maintain`, which removes it"
        yield Finding(key, f"old table of {RENAMED_TABLES[key]}", advice)


def _pending(settings: config.Settings) -> Iterator[Finding]:
    """Report pending work, and what is lost."""
    try:
        observed = observe(places_of(settings), data_files=True)
    except AmazonReviewsError:
        # The location that cannot be used has a finding of its own.
        return
    plan = make_plan(OUTPUTS, observed.state)
    advice = "run `amazon-reviews run`; `amazon-reviews run --plan` shows why" if plan.work else ""
    outputs = len({work.key for work in plan.work})
    yield Finding("pending", f"{outputs} outputs" if outputs else "nothing", advice)
    for key, pinned in plan.pinned.items():
        advice = f"`amazon-reviews restore --unpin {key}` lets runs build it again"
        yield Finding(key, f"pinned to version {pinned}", advice)
    for name, why in plan.lost.items():
        advice = "put its files back, or restore the table from a copy of the lakehouse"
        yield Finding(name, f"cannot be built again: {why}", advice, wrong=True)


def _writable(place: Place) -> Finding:
    """Check a folder, or the nearest one above a folder that does not exist yet."""
    folder = place.path
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        problem = f"{nearest} is not a folder that can be written to"
        return Finding(place.setting, str(folder), problem, wrong=True)
    there = "" if nearest == folder else "not there yet, "
    value = f"{folder} ({there}{readable_size(place.free_bytes)} free)"
    is_full = place.free_bytes < _LEAST_FREE_BYTES
    advice = "it is nearly full; free some space, or name another folder" if is_full else ""
    return Finding(place.setting, value, advice, wrong=is_full)


def _reached(name: str, location: str, reach: Callable[[], str]) -> Finding:
    # An engine or a file may raise anything; the other findings are still useful.
    try:
        return Finding(name, f"{location} ({reach()})")
    except Exception as error:  # noqa: BLE001
        reason = (redacted(str(error)).strip() or type(error).__name__).splitlines()[0]
        return Finding(name, location, f"cannot be used: {reason}", wrong=True)


def _hub(settings: config.Settings) -> EventHub:
    address = settings.event_hub.get_secret_value()
    return EventHub(address, settings.consumer_group, retry_total=0)


def _events(settings: config.Settings) -> str:
    hub = _hub(settings).look()
    events = sum(partition.last - partition.first + 1 for partition in hub.partitions.values())
    group = settings.consumer_group
    return f"{group}, {len(hub.partitions)} partitions, {events:,} events"


def _tables(settings: config.Settings) -> str:
    return f"{len(open_warehouse(settings.warehouse).versions())} tables"


def _query(settings: config.Settings) -> str:
    session = start_session(settings.engine, settings.engine_memory)
    session.sql("SELECT 1").collect()
    return f"Spark {session.version} answers"
