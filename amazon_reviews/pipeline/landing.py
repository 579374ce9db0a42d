"""Pending partitions: the landing zone compared with bronze."""

from collections.abc import Mapping
from dataclasses import dataclass

from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone


@dataclass(frozen=True)
class PendingPartitions:
    """The partitions of a dataset that are `unread`, with their fingerprints, or `disappeared`.

    `faults` name the files that match no partition, and the folders that cannot be listed.
    """

    unread: dict[str, int]
    disappeared: list[str]
    faults: list[str]


def pending_partitions(
    landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset, known: Mapping[str, int | None]
) -> PendingPartitions:
    """Compare the fingerprints of landing partitions with those that bronze committed.

    `known` are the partitions that exist already, with the fingerprint that the orchestrator
    recorded. If that differs, the partition is unread too. A partition that is no longer in the
    landing zone keeps its rows.
    """
    listing = landing.listing(dataset.folder, dataset.layout)
    partitions = listing.partitions
    versions = lakehouse.transaction_versions(
        dataset.bronze, map(dataset.fingerprint_id, partitions)
    )
    unread = {
        name: partition.fingerprint
        for name, partition in partitions.items()
        if {versions[dataset.fingerprint_id(name)], known.get(name)} != {partition.fingerprint}
    }
    present = partitions.keys() | listing.unreadable.keys()
    disappeared = [name for name in known if name not in present]
    naming = dataset.layout.naming
    faults = [f"{file} is not read: give it a name {naming}" for file in listing.unmatched]
    return PendingPartitions(unread, disappeared, [*faults, *map(str, listing.unreadable.values())])
