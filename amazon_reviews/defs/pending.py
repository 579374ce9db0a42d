"""Landing partitions that are not ingested yet, by the records of the Dagster instance."""

import dagster as dg

from amazon_reviews.defs.partitions import PARTITIONS, known_partitions
from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.pipeline.landing import PendingPartitions, pending_partitions
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone

FINGERPRINT = "fingerprint"


def find_pending(
    instance: dg.DagsterInstance, landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset
) -> tuple[list[str], PendingPartitions]:
    """Return the existing partitions in their order, and the unread ones of the landing zone.

    A partition is read when bronze has its present content and the instance recorded that. So a
    run that was killed between the two is repeated, and the tables below follow.
    """
    partitions = PARTITIONS[dataset.name]
    known = known_partitions(instance, partitions)
    recorded = _recorded(instance, dg.AssetKey(dataset.bronze.split("/")))
    # The partitions of a static set exist before their files arrive.
    fixed = isinstance(partitions, dg.StaticPartitionsDefinition)
    seen = {name: recorded.get(name) for name in known if name in recorded or not fixed}
    return known, pending_partitions(landing, lakehouse, dataset, seen)


def fingerprint_text(fingerprint: int) -> str:
    """Return a fingerprint as text: the UI's numbers are not exact beyond 53 bits."""
    return f"{fingerprint:016x}"


def _recorded(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, int]:
    """Return the fingerprints that the newest materializations of the partitions recorded."""
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    if not latest:
        return {}
    newest = dg.AssetRecordsFilter(asset_key=key, storage_ids=list(latest.values()))
    records = instance.fetch_materializations(newest, limit=len(latest)).records
    versions: dict[str, int] = {}
    for record in records:
        event = record.asset_materialization
        if event and event.partition and (value := event.metadata.get(FINGERPRINT)):
            versions[event.partition] = int(str(value.value), 16)
    return versions
