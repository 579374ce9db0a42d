"""What the landing zone has that the instance has not recorded as read."""

import dagster as dg

from amazon_reviews.defs.partitions import PARTITIONS, known_partitions
from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.pipeline.landing import Arrivals, arrivals
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone

FINGERPRINT = "fingerprint"


def arrived(
    instance: dg.DagsterInstance, landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset
) -> tuple[list[str], Arrivals]:
    """The partitions that exist, in their order, and what of the landing zone is unread.

    A folder is read when bronze has it as it is now, and the instance recorded that: a run that
    was killed between the two is made up for, so that the tables below learn of it.
    """
    partitions = PARTITIONS[dataset.name]
    known = known_partitions(instance, partitions)
    recorded = _recorded(instance, dg.AssetKey(dataset.bronze.split("/")))
    # Those of a fixed set exist before they arrive.
    fixed = isinstance(partitions, dg.StaticPartitionsDefinition)
    seen = {name: recorded.get(name) for name in known if name in recorded or not fixed}
    return known, arrivals(landing, lakehouse, dataset, seen)


def shown(fingerprint: int) -> str:
    """A fingerprint as text: the UI's numbers are not exact beyond 53 bits."""
    return f"{fingerprint:016x}"


def _recorded(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, int]:
    """The fingerprints that the newest materializations of the partitions recorded."""
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    if not latest:
        return {}
    wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=list(latest.values()))
    found = instance.fetch_materializations(wanted, limit=len(latest)).records
    versions: dict[str, int] = {}
    for record in found:
        event = record.asset_materialization
        if event and event.partition and (value := event.metadata.get(FINGERPRINT)):
            versions[event.partition] = int(str(value.value), 16)
    return versions
