"""What lies in the landing zone against what bronze has read."""

from collections.abc import Mapping
from dataclasses import dataclass

from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone


@dataclass(frozen=True)
class Arrivals:
    """The partitions of a dataset: `unread` with their fingerprints, and those gone missing.

    `faults` say which files and folders belong to no partition, and which cannot be listed.
    """

    unread: dict[str, int]
    disappeared: list[str]
    faults: list[str]


def arrivals(
    landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset, known: Mapping[str, int | None]
) -> Arrivals:
    """Compare fingerprints of folders with those that bronze committed with their rows.

    `known` are the partitions that exist already, with the fingerprint that the orchestrator
    recorded; where that is another one, the folder is unread too. A partition that is no longer
    in the landing zone keeps its rows.
    """
    listing = landing.listing(dataset.folder, dataset.layout)
    lying = listing.partitions
    versions = lakehouse.transaction_versions(dataset.bronze, map(dataset.fingerprint_id, lying))
    unread = {
        name: partition.fingerprint
        for name, partition in lying.items()
        if {versions[dataset.fingerprint_id(name)], known.get(name)} != {partition.fingerprint}
    }
    there = lying.keys() | listing.unreadable.keys()
    disappeared = [name for name in known if name not in there]
    naming = dataset.layout.naming
    faults = [f"{file} is not read: give it a name {naming}" for file in listing.unmatched]
    return Arrivals(unread, disappeared, [*faults, *map(str, listing.unreadable.values())])
