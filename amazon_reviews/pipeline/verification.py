"""Verification of every stored file: the damaged ones, and what makes each of them again."""

import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.errors import (
    DamagedTableError,
    LandingError,
    LocationError,
    ModelFileError,
    WarehouseError,
)
from amazon_reviews.pipeline.artifacts import FILES, MODELS
from amazon_reviews.pipeline.bronze import BronzeCounts, landing_batches
from amazon_reviews.pipeline.capture import damaged_captures
from amazon_reviews.pipeline.datasets import DATASETS, Dataset
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.state import Places, owner_of
from amazon_reviews.planner.model import name_of
from amazon_reviews.resources.built_files import damage_of
from amazon_reviews.resources.lakehouse.checksums import FOLDER
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.lakehouse.verification import DamagedFile, damaged_files
from amazon_reviews.resources.landing.layout import LandingPartition, Listing
from amazon_reviews.resources.landing.names import partition_path
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.layers import BRONZE_REVIEW_EVENTS
from amazon_reviews.shown_text import visible_text
from amazon_reviews.sqlite_file import damage_of_database

Watcher = Callable[[str, int, int], None]
"""Called with the name of what is verified, how much of it is done, and how much there is."""

_OUTPUTS = {output.key: output for output in OUTPUTS}
_BRONZE = {dataset.bronze: dataset for dataset in DATASETS}
_BATCH_ROWS = 8_192
_MOST_INPUTS = 3
_RESTORE = "it cannot be made again: restore the table from a copy"


@dataclass(frozen=True)
class Damage:
    """A damaged file of an output, or one that cannot be verified, and what to do about it."""

    output: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.output}: {'; '.join(filter(None, (self.problem, self.remedy)))}"


def verify(places: Places, watch: Watcher) -> Iterator[Damage]:
    """Read every stored file, and yield the damaged ones, inputs before what is built from them.

    These are the landing files and captures that bronze was read from, the files of the tables,
    the warehouse, the current models and their database, the reports and exports. Memory is
    bounded.
    """
    listings: dict[str, Listing] = {}
    for dataset in DATASETS:
        try:
            listings[dataset.bronze] = places.landing.listing(dataset.folder, dataset.layout)
        except LandingError as error:
            yield Damage(dataset.folder, f"the landing files were not verified: {error}")
    for key in filter(places.lakehouse.exists, TABLES):
        damaged: set[str] = set()
        try:
            for file in damaged_files(places.lakehouse, key, _watching(watch, key)):
                damage = _of_table(places.lakehouse, key, file, listings)
                damaged.add(damage.output)
                yield damage
        except LocationError as error:
            yield Damage(key, f"it was not verified: {error}")
        # A damaged log may name other rows than those that were read.
        if key in listings and key not in damaged:
            yield from _damaged_landing_files(places, key, listings[key], damaged, watch)
        if key == BRONZE_REVIEW_EVENTS.key and not damaged:
            yield from _damaged_capture_files(places)
    yield from _damaged_warehouse_tables(places, watch)
    yield from _damaged_artifacts(places)


def _damaged_landing_files(
    places: Places, key: str, listing: Listing, damaged: Collection[str], watch: Watcher
) -> Iterator[Damage]:
    """Compare the records of the files that bronze was read from with those that bronze holds.

    Those of `damaged` partitions of bronze are left out.
    """
    dataset = _BRONZE[key]
    ids = {name: dataset.fingerprint_id(name) for name in listing.partitions}
    read = places.lakehouse.transaction_versions(key, ids.values())
    known = [name for name, id_ in ids.items() if read[id_] and name_of(key, name) not in damaged]
    table = places.lakehouse.delta(key).to_pyarrow_dataset()
    for number, name in enumerate(known, start=1):
        partition = listing.partitions[name]
        output = name_of(key, name)
        remedy = f"upload it again; {output} keeps the records that were read from it"
        if read[ids[name]] != partition.fingerprint:
            remedy = "unless this is a new upload, upload the earlier one again"
        try:
            landed = _records_by_file(_landed(places, dataset, partition))
            rows = table.to_batches(
                columns=["file", "line", "raw"],
                filter=pc.field("partition") == name,
                batch_size=_BATCH_ROWS,
                batch_readahead=1,
                fragment_readahead=1,
            )
            stored = _records_by_file(rows)
        except LandingError as error:
            yield Damage(output, f"its landing files are damaged ({error})", remedy)
            continue
        differing = (f for f in landed.keys() | stored.keys() if landed[f] != stored[f])
        for file in sorted(differing):
            path = f"{dataset.folder}/{visible_text(partition_path(name))}: {visible_text(file)}"
            yield Damage(output, f"landing file {path} differs from the one that was read", remedy)
        watch(dataset.folder, number, len(known))


def _damaged_capture_files(places: Places) -> Iterator[Damage]:
    key = BRONZE_REVIEW_EVENTS.key
    remedy = f"restore it from a copy; {key} keeps the events that were read from it"
    try:
        for path, reason in damaged_captures(places.landing, places.lakehouse, places.event_hub):
            yield Damage(key, f"capture file {visible_text(path)} is damaged ({reason})", remedy)
    except LandingError as error:
        yield Damage(key, f"the capture files were not verified: {error}")


def _landed(
    places: Places, dataset: Dataset, partition: LandingPartition
) -> Iterator[pa.RecordBatch]:
    counts = BronzeCounts(len(partition.files), partition.size)
    own = places.intake.own_profiles()
    return landing_batches(places.landing, dataset, partition, counts, own, places.intake)


def _records_by_file(batches: Iterable[pa.RecordBatch]) -> Counter[str]:
    """Return a number for each file that depends on its records, but not on their order."""
    sums: Counter[str] = Counter()
    for batch in batches:
        columns = (batch[name].to_pylist() for name in ("file", "line", "raw"))
        for row in zip(*columns, strict=True):
            sums[row[0]] += hash(row)
    return sums


def _of_table(
    lakehouse: Lakehouse, key: str, file: DamagedFile, listings: Mapping[str, Listing]
) -> Damage:
    """Return the damage of a file of a table, with its remedy."""
    problem = f"{lakehouse.uri(key)}/{file.path} is damaged ({file.reason})"
    if file.path.startswith(FOLDER):
        remedy = "delete it: it holds nothing but checksums of other files"
        return Damage(key, f"list of checksums {problem}", remedy)
    if file.partition is None:
        return Damage(key, f"log file {problem}", _remedy_of_log(lakehouse, key, listings))
    owner, partition = owner_of(TABLES[key], file.partition)
    name = name_of(key, file.partition.get("partition", WHOLE))
    if _OUTPUTS[owner].arrives and not _is_landed(owner, [partition], listings):
        remedy = f"{_RESTORE}, as its files are not in the landing zone"
    else:
        remedy = _rebuild(owner, partition)
    return Damage(name, f"data file {problem}", remedy)


def _remedy_of_log(lakehouse: Lakehouse, key: str, listings: Mapping[str, Listing]) -> str:
    if key in _OUTPUTS and _OUTPUTS[key].arrives:
        try:
            partitions = [name for name in lakehouse.versions(key) if name != WHOLE]
        except DamagedTableError:
            partitions = [WHOLE]
        if not _is_landed(key, partitions, listings):
            return f"{_RESTORE}, as files of it are not in the landing zone"
    return f"delete the folder {lakehouse.uri(key)}, and `amazon-reviews run` makes it again"


def _is_landed(key: str, partitions: Iterable[str], listings: Mapping[str, Listing]) -> bool:
    """Return True if the landing zone holds files of all these partitions of a bronze table."""
    return key in listings and all(name in listings[key].partitions for name in partitions)


def _damaged_warehouse_tables(places: Places, watch: Watcher) -> Iterator[Damage]:
    try:
        for name, place, reason in places.warehouse.damaged(_watching(watch, "warehouse")):
            output = f"warehouse/{name.partition('/')[2]}" if name else "warehouse"
            remedy = (
                f"delete {place}, and `amazon-reviews run` makes it again from {name or 'gold'}"
            )
            yield Damage(output, f"{place} is damaged ({reason})", remedy)
    except WarehouseError as error:
        yield Damage("warehouse", f"it was not verified: {error}")


def _damaged_artifacts(places: Places) -> Iterator[Damage]:
    if reason := damage_of_database(database := places.model_store.database):
        remedy = f"delete {database}, and `amazon-reviews run` trains the models again"
        yield Damage("model", f"{database} is damaged ({reason})", remedy)
    for artifact in MODELS:
        try:
            places.model_store.check(artifact.key.removeprefix("model/"))
        except ModelFileError as error:
            yield Damage(artifact.key, f"model file {error}", _rebuild(artifact.key))
        except LocationError as error:
            yield Damage("model", f"the models were not verified: {error}")
            break
    for artifact in FILES:
        path = places.files[artifact.key]
        if reason := damage_of(path):
            yield Damage(artifact.key, f"{path} is damaged ({reason})", _rebuild(artifact.key))


def _rebuild(key: str, partition: str = WHOLE) -> str:
    """Return the remedy of what can be built again, with its nearest inputs."""
    output = _OUTPUTS[key]
    inputs = output.inputs_of(partition)
    if output.arrives:
        inputs = ("the landing zone",)
    others = len(inputs) - _MOST_INPUTS
    listed = ", ".join(inputs[:_MOST_INPUTS]) + (f" and {others} more" if others > 0 else "")
    request = shlex.quote(f"{key}:{partition}" if partition and output.partitioned else key)
    return f"`amazon-reviews run --rebuild {request}` makes it again from {listed}"


def _watching(watch: Watcher, name: str) -> Callable[[int, int], None]:
    return lambda done, whole: watch(name, done, whole)
