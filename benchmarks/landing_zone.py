"""The landing zone in an Azure container against the download of the vendor's client."""

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from azure.core.credentials import AzureSasCredential
from azure.storage.blob import ContainerClient

from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.azurite import ACCOUNT, PROGRAM, Azurite, running_azurite
from benchmarks.layout import Target, table

LAYOUTS = {"200 files of 1 MiB": (200, 1 << 20), "10 files of 20 MiB": (10, 20 << 20)}
_DATASET = "amazon_reviews"
_TURNS = 3


def is_possible() -> bool:
    """Return True if Azurite is installed."""
    return PROGRAM.is_file()


def bench() -> dict[str, dict[str, float]]:
    """Return the median seconds to read all files, by layout; client and project take turns."""
    print("landing zone in Azurite", file=sys.stderr, flush=True)
    with running_azurite() as azurite:
        return {name: _layout(azurite, *layout) for name, layout in LAYOUTS.items()}


def lines(figures: dict[str, dict[str, float]]) -> Iterator[str]:
    """Yield the lines of the report."""
    yield "\nlanding zone in Azurite, all files read once with a SAS token, in MiB/s"
    head = ("files", "client's plain download", "project")
    rates = [
        (name, *(f"{size['mebibytes'] / size[run]:,.0f}" for run in ("client", "project")))
        for name, size in figures.items()
    ]
    yield from table([head, *rates])


def targets(figures: dict[str, dict[str, float]]) -> list[Target]:
    """Return the targets of reading from a container."""
    return [
        Target(
            f"{name} from Azurite: at most 1.5 times the client's time",
            1.5,
            size["project"] / size["client"],
        )
        for name, size in figures.items()
    ]


def _layout(azurite: Azurite, files: int, size: int) -> dict[str, float]:
    container = azurite.container(f"bench{files}")
    draws = random.Random(7)
    for number in range(files):
        container.upload_blob(f"{_DATASET}/partition_1/{number:04}.json", draws.randbytes(size))
    token = azurite.sas(container.container_name)
    ours, theirs = [], []
    for _ in range(_TURNS):
        theirs.append(_seconds(lambda: _plain(azurite, container.container_name, token)))
        ours.append(_seconds(lambda: _project(azurite, container.container_name, token)))
    return {
        "mebibytes": files * size / 2**20,
        "client": round(statistics.median(theirs), 2),
        "project": round(statistics.median(ours), 2),
    }


def _seconds(read: Callable[[], int]) -> float:
    began = time.perf_counter()
    read()
    return time.perf_counter() - began


def _plain(azurite: Azurite, container: str, token: str) -> int:
    client = ContainerClient(azurite.endpoint, container, credential=AzureSasCredential(token))
    with client:
        names = [blob.name for blob in client.list_blobs()]
        return sum(len(client.download_blob(name).readall()) for name in names)


def _project(azurite: Azurite, container: str, token: str) -> int:
    landing = LandingZone(
        location=f"az://{container}",
        azure_account=ACCOUNT,
        azure_endpoint=azurite.endpoint,
        azure_sas_token=token,
    )
    return sum(
        len(block)
        for file in landing.partition(_DATASET, "partition_1").files
        for block in _blocks(landing, file)
    )


def _blocks(landing: LandingZone, file: Any) -> Iterator[bytes]:
    with landing.open(file) as stream:
        while block := stream.read(8 << 20):
            yield block
