"""Whether this machine and these settings can run the project, and what to do if not."""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from amazon_reviews import config
from amazon_reviews.resources.spark.jvm import check_java, fetched_jars, jars_folder

_PACKAGES = (
    "amazon-reviews",
    "dagster",
    "pyspark",
    "pysail",
    "deltalake",
    "duckdb",
    "google-cloud-bigquery",
)


@dataclass(frozen=True)
class Finding:
    """One line of the report: `advice` says what to do; where it is `wrong`, nothing can run."""

    what: str
    found: str
    advice: str = ""
    wrong: bool = False


def examine(settings: config.Settings) -> Iterator[Finding]:
    """Versions and settings, then whether each place and the engine can be reached."""
    yield Finding("python", platform.python_version())
    for package in _PACKAGES:
        yield Finding(package, version(package))
    yield _landing(settings)
    yield _lakehouse(settings)
    yield _writable("DAGSTER_HOME", settings.dagster_home)
    yield _reached(config.WAREHOUSE, settings.warehouse, lambda: _tables(settings))
    if settings.event_hub:
        yield _reached(config.EVENT_HUB, settings.consumer_group, lambda: _events(settings))
    else:
        yield Finding(config.EVENT_HUB, "not set: streaming is off")
    if settings.engine == "spark":
        yield _reached("java", "Java", check_java)
        yield _reached("jars", str(jars_folder()), lambda: f"{len(fetched_jars())} as pinned")
    yield _reached("AMAZON_REVIEWS_ENGINE", _shown(settings.engine), lambda: _query(settings))


def _landing(settings: config.Settings) -> Finding:
    from amazon_reviews.errors import LandingError
    from amazon_reviews.pipeline.datasets import DATASETS
    from amazon_reviews.resources.landing.zone import LandingZone

    name, place = "AMAZON_REVIEWS_LANDING", settings.landing
    zone = LandingZone.at(place)
    try:
        found = {s.folder: zone.listing(s.folder, s.layout) for s in DATASETS}
    except (LandingError, OSError) as error:
        return Finding(name, place, str(error), wrong=True)
    numbers = {dataset: len(listing.partitions) for dataset, listing in found.items()}
    unreadable = [str(e) for listing in found.values() for e in listing.unreadable.values()]
    advice = "" if any(numbers.values()) else "put files there, or run `amazon-reviews sample`"
    advice = "; ".join(unreadable) or advice
    counts = ", ".join(f"partitions of {dataset}: {count}" for dataset, count in numbers.items())
    there = config.is_remote(place) or Path(place).is_dir()
    return Finding(name, f"{place} ({counts})", advice, wrong=not there)


def _lakehouse(settings: config.Settings) -> Finding:
    name, place = "AMAZON_REVIEWS_LAKEHOUSE", settings.lakehouse
    if not config.is_remote(place):
        return _writable(name, Path(place))
    return _reached(name, place, lambda: _locked(place))


def _locked(place: str) -> str:
    from amazon_reviews.resources.lakehouse.locks import lock

    with lock(place, "doctor"):
        return "can be written to"


def _writable(name: str, place: Path) -> Finding:
    """A place may still be missing: then the nearest folder above it must take it."""
    there = next(path for path in (place, *place.parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Finding(name, str(place) if there == place else f"{place} (not there yet)")
    return Finding(name, str(place), f"{there} is no folder that can be written to", wrong=True)


def _reached(name: str, place: str, reach: Callable[[], str]) -> Finding:
    # Whatever an engine or a file raises is what the user has to be told.
    try:
        return Finding(name, f"{place} ({reach()})")
    except Exception as error:  # noqa: BLE001
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Finding(name, place, f"cannot be used: {reason}", wrong=True)


def _events(settings: config.Settings) -> str:
    from amazon_reviews.resources.event_hub import EventHub

    hub = EventHub(
        address=settings.event_hub or "", consumer_group=settings.consumer_group, retry_total=0
    ).look()
    held = sum(partition.last - partition.first + 1 for partition in hub.partitions.values())
    return f"{hub.name}, {len(hub.partitions)} partitions, {held:,} events"


def _tables(settings: config.Settings) -> str:
    from amazon_reviews.resources.warehouse.connect import open_warehouse

    return f"{len(open_warehouse(settings.warehouse).versions())} tables"


def _query(settings: config.Settings) -> str:
    from amazon_reviews.resources.spark.engine import start_session

    session = start_session(settings.engine, settings.engine_memory)
    session.sql("SELECT 1").collect()
    return f"Spark {session.version} answers"


def _shown(engine: str) -> str:
    """The engine's address without parameters, which may hold a token."""
    return engine.split("/;")[0]
