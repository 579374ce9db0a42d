"""The state of the project for the planner: the records of all outputs, and what has arrived."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa

from amazon_reviews.errors import (
    DamagedTableError,
    DamagedWarehouseError,
    EventHubUnavailableError,
    HubChangedError,
    LandingError,
    LocationError,
    ProfileError,
    StorageError,
    WarehouseError,
)
from amazon_reviews.pipeline.artifacts import FILES, MODELS
from amazon_reviews.pipeline.capture_files import unread_captures
from amazon_reviews.pipeline.datasets import (
    DATASETS,
    PRODUCTS,
    REVIEW_DATASETS,
    REVIEWS,
    STREAM,
    Dataset,
)
from amazon_reviews.pipeline.input_rows import rows_of_review_products
from amazon_reviews.pipeline.intake import Intake, read_by_other_profiles
from amazon_reviews.pipeline.outputs import BUILT_WITH_OTHERS, OUTPUTS
from amazon_reviews.pipeline.reconciliation import reconcile_gold, reconcile_silver
from amazon_reviews.pipeline.segments import display_partition
from amazon_reviews.pipeline.stream_gaps import uncompared_captures
from amazon_reviews.pipeline.stream_offsets import unread_spans
from amazon_reviews.planner.model import Found, Plan, State, name_of
from amazon_reviews.profiles.profile import Profile
from amazon_reviews.resources.built_files import read_built
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.data_files import missing_files
from amazon_reviews.resources.lakehouse.maintenance import drop_table
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows, row_count
from amazon_reviews.resources.landing.names import partition_path
from amazon_reviews.resources.landing.unmatched import UnmatchedFiles, describe_alike
from amazon_reviews.resources.landing.zone import CAPTURE_FOLDER, LandingZone
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas import PUBLISHED, TABLES, Table
from amazon_reviews.schemas.built import WHOLE, Built, Records
from amazon_reviews.schemas.layers import (
    GOLD_DUPLICATES,
    GOLD_PRODUCTS,
    GOLD_REVIEWS,
    SCRATCH_LOST_REVIEWS,
    SILVER_DUPLICATES,
    SILVER_REJECTED,
    SILVER_REVIEW_KEYS,
)
from amazon_reviews.shown_text import visible_text

_EVENTS = STREAM.bronze
_OUTPUTS = {output.key: output for output in OUTPUTS}
_UNBALANCED = "lines are not accounted for"
_UNPROFILED = "its column profile is missing"
_LOST_FILE = "a data file is missing"
_BY_NAME = {dataset.name: dataset.silver for dataset in (*DATASETS, STREAM)}
_PROFILES = {dataset.columns: dataset.silver for dataset in REVIEW_DATASETS}
_GOLD = {REVIEWS.name: GOLD_REVIEWS.key, PRODUCTS.name: GOLD_PRODUCTS.key}


@dataclass(frozen=True)
class Places:
    """The places of the outputs of a project, and of the rows that arrive.

    `files` are the paths of reports and exported files by key, `intake` the settings by which
    landing files are read.
    """

    landing: LandingZone
    lakehouse: Lakehouse
    event_hub: EventHub
    warehouse: Warehouse
    model_store: ModelStore
    files: Mapping[str, Path]
    intake: Intake = field(default_factory=Intake)


@dataclass
class Observed:
    """The state, with `faults` of what has arrived.

    `unseen` are texts about kinds of outputs that could not be seen: warehouse or model.
    `disappeared` are partitions whose folder is gone; their rows are kept. `damaged_logs` are the
    keys of tables whose log cannot be read. `fingerprints` are those of arrived files, by name of
    the output. `landed` is the number of landing partitions, `unmatched` are the files of the
    landing zone that are not read, `alike` the paths of partitions with nearly the same name.
    """

    state: State
    faults: list[str] = field(default_factory=list)
    unseen: dict[str, str] = field(default_factory=dict)
    disappeared: list[str] = field(default_factory=list)
    damaged_logs: list[str] = field(default_factory=list)
    fingerprints: dict[str, int] = field(default_factory=dict)
    landed: int = 0
    unmatched: UnmatchedFiles = field(default_factory=UnmatchedFiles)
    alike: list[str] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """Texts about files of the landing zone that a person should look at."""
        return [*self.unmatched.lines(), *describe_alike(self.alike)]


def observe(places: Places, *, data_files: bool, arrivals: Sequence[str] | None = None) -> Observed:
    """Look at all outputs and at what has arrived.

    With `data_files` it is also checked that every data file of the tables is there, and that no
    line is lost. `arrivals` are the bronze tables whose arrivals are looked for, by default all.
    That of events stands for those of the hub, `CAPTURE_FOLDER` for captured ones.
    """
    found: dict[str, Found] = {}
    observed = Observed(State(found, {}))
    _add_tables(places.lakehouse, found, observed)
    if data_files:
        _add_damage(places.lakehouse, found, observed)
    _add_warehouse(places, found, observed)
    _add_models(places.model_store, found, observed)
    for artifact in FILES:
        if built := read_built(places.files[artifact.key]):
            found[artifact.key] = Found(Records.of(built))
    every = [*(dataset.bronze for dataset in DATASETS), _EVENTS, CAPTURE_FOLDER]
    wanted = every if arrivals is None else arrivals
    own = None
    if data_files and wanted:
        try:
            own = places.intake.own_profiles()
        except ProfileError as error:
            observed.faults.append(str(error))
    observed.state = State(found, dict(_arrived(places, wanted, observed, own)))
    return observed


def _add_tables(lakehouse: Lakehouse, found: dict[str, Found], observed: Observed) -> None:
    for key in TABLES:
        try:
            log = lakehouse.log(key)
        except DamagedTableError as error:
            found[key] = Found(Records(), {WHOLE: str(error)})
            observed.damaged_logs.append(key)
            continue
        if log is not None:
            found[key] = Found(log.records, pinned=log.pinned)


def _add_damage(lakehouse: Lakehouse, found: dict[str, Found], observed: Observed) -> None:
    """Add the partitions that lack a data file, or whose lines are not accounted for."""
    damage: dict[str, dict[str, str]] = {}
    for key in [key for key in found if WHOLE not in found[key].damage]:
        try:
            for values in _lost_files(lakehouse, TABLES[key]):
                owner, partition = owner_of(TABLES[key], values)
                damage.setdefault(owner, {})[partition] = _LOST_FILE
        except DamagedTableError as error:
            damage[key] = {WHOLE: str(error)}
            observed.damaged_logs.append(key)
    if not observed.damaged_logs:
        _add_unbalanced(lakehouse, found, damage)
    for key, partitions in damage.items():
        if key in found:
            found[key] = replace(found[key], damage={**partitions, **found[key].damage})


def discard_damaged(lakehouse: Lakehouse, observed: Observed, plan: Plan) -> list[str]:
    """Remove the tables with a damaged log that the work of the plan builds again.

    Returns their keys. After that the state must be looked at again: what other tables have lost
    by it shows then.
    """
    built = {work.key for work in plan.work}
    helpers = [key for key in observed.damaged_logs if key in BUILT_WITH_OTHERS]
    discarded = [*helpers, *(key for key in observed.damaged_logs if key in built)]
    for key in discarded:
        drop_table(lakehouse, key)
    return discarded


def _add_unbalanced(
    lakehouse: Lakehouse, found: Mapping[str, Found], damage: dict[str, dict[str, str]]
) -> None:
    accounts = [
        (dataset.silver, account)
        for dataset in (*DATASETS, STREAM)
        for account in reconcile_silver(lakehouse, dataset)
    ]
    for dataset in REVIEW_DATASETS:
        rows, profiles = (
            partition_rows(lakehouse.delta(key)) if lakehouse.exists(key) else {}
            for key in (dataset.silver, dataset.columns)
        )
        for name in rows.keys() - profiles:
            if _is_current(found, dataset.silver, name):
                damage.setdefault(dataset.silver, {}).setdefault(name, _UNPROFILED)
    accounts += [(GOLD_REVIEWS.key, account) for account in reconcile_gold(lakehouse, REVIEWS)]
    for key, account in accounts:
        partition = account.partition if TABLES[key].partitions else WHOLE
        if not account.balanced and _is_current(found, key, partition):
            damage.setdefault(key, {}).setdefault(partition, _UNBALANCED)
    if _is_current(found, GOLD_PRODUCTS.key, WHOLE) and not _products_balance(lakehouse):
        damage.setdefault(GOLD_PRODUCTS.key, {}).setdefault(WHOLE, _UNBALANCED)


def _is_current(found: Mapping[str, Found], key: str, partition: str) -> bool:
    """Return True if a partition was built from the versions of its inputs that are there now."""
    if key not in found or partition not in found[key].records.versions:
        return False
    built = found[key].records.inputs
    for name in _OUTPUTS[key].inputs_of(partition):
        now = found[name].records.versions if name in found else {}
        whole = not (_OUTPUTS[name].partitioned and partition)
        if built.get(name, {}).get(partition, 0) != now.get(WHOLE if whole else partition, 0):
            return False
    return True


def _products_balance(lakehouse: Lakehouse) -> bool:
    """Return True if gold and its duplicates have as many rows as silver, by the logs alone."""
    kept = row_count(lakehouse.delta(GOLD_PRODUCTS.key))
    if not lakehouse.exists(GOLD_DUPLICATES.key):
        return not kept
    duplicates = partition_rows(lakehouse.delta(GOLD_DUPLICATES.key), PRODUCTS.name)
    rows = sum(rows_of_review_products(lakehouse).values())
    if lakehouse.exists(PRODUCTS.silver):
        rows += row_count(lakehouse.delta(PRODUCTS.silver))
    return rows == kept + sum(duplicates.values())


def _lost_files(lakehouse: Lakehouse, table: Table) -> Iterator[Mapping[str, str]]:
    """Yield the partition values of each data file of a table that does not exist."""
    delta = lakehouse.delta(table.key)
    actions = pa.RecordBatchReader.from_stream(delta.get_add_actions()).read_all()
    paths = [unquote(path) for path in actions["path"].to_pylist()]
    if not paths:
        return
    missing = missing_files(lakehouse.location, table.key, paths)
    if missing:
        values = actions["partition"] if table.partition_by else None
        for number in missing:
            yield values[number].as_py() if values is not None else {}


def owner_of(table: Table, values: Mapping[str, str]) -> tuple[str, str]:
    """Return the output, and its partition, that writes a partition of a table's files."""
    key = table.key
    if key in (SILVER_REJECTED.key, SILVER_DUPLICATES.key):
        key = _BY_NAME[values["table"]]
    elif key in _PROFILES:
        key = _PROFILES[key]
    elif key in (SCRATCH_LOST_REVIEWS.key, SILVER_REVIEW_KEYS.key):
        key = GOLD_REVIEWS.key
    elif key == GOLD_DUPLICATES.key:
        # What one partition lost to another is only known by comparing all of them.
        return _GOLD[values["table"]], WHOLE
    if table.layer == "partials":
        return next(mart.key for mart in TABLES.values() if key in mart.partials), WHOLE
    if key == STREAM.bronze:
        # New events can still be added to it.
        return key, values["partition"]
    if not TABLES[key].partitions:
        return key, WHOLE
    return key, display_partition(values["partition"])


def _add_warehouse(places: Places, found: dict[str, Found], observed: Observed) -> None:
    try:
        contents = places.warehouse.contents()
    except DamagedWarehouseError:
        return
    except WarehouseError as error:
        observed.unseen["warehouse"] = str(error)
        # It may be there, and is nothing to build upon: nothing is asked for until it is seen.
        contents = {t.key: _version(found, t.key) for t in PUBLISHED}
    for table in PUBLISHED:
        if table.key in contents:
            built = Built(contents[table.key], {table.key: contents[table.key]})
            found[f"warehouse/{table.name}"] = Found(Records.of(built))


def _version(found: Mapping[str, Found], key: str) -> int:
    return found[key].records.versions.get(WHOLE, 0) if key in found else 0


def _add_models(store: ModelStore, found: dict[str, Found], observed: Observed) -> None:
    try:
        records, lost = store.records(), store.lost()
    except (LocationError, StorageError) as error:
        observed.unseen["model"] = str(error)
        return
    for artifact in MODELS:
        name = artifact.key.removeprefix("model/")
        if name in records:
            damage = {WHOLE: lost[name]} if name in lost else {}
            found[artifact.key] = Found(Records.of(records[name]), damage)


def _arrived(
    places: Places, wanted: Sequence[str], observed: Observed, own: Sequence[Profile] | None
) -> Iterator[tuple[str, Mapping[str, str]]]:
    errors = []
    datasets = [dataset for dataset in DATASETS if dataset.bronze in wanted]
    for dataset in datasets:
        try:
            yield dataset.bronze, _landed(places, dataset, observed, own)
        except LandingError as error:
            errors.append(error)
    if errors and len(errors) == len(datasets):
        # Then the landing zone itself cannot be read, and not only a folder of it.
        raise errors[0]
    if datasets:
        folders = [dataset.folder for dataset in DATASETS]
        observed.unmatched.update(places.landing.unmatched_elsewhere(folders))
    observed.faults += map(str, errors)
    reasons: list[str] = []
    if CAPTURE_FOLDER in wanted:
        reasons += _waiting_captures(places, observed)
    if _EVENTS in wanted and places.event_hub.enabled:
        reasons += _waiting_events(places)
    if reasons:
        yield _EVENTS, {WHOLE: "; ".join(reasons)}


def _landed(
    places: Places, dataset: Dataset, observed: Observed, own: Sequence[Profile] | None
) -> dict[str, str]:
    """Return the partitions whose files differ from those that bronze has read.

    With people's `own` profiles, also those that would be read by other profiles now.
    """
    listing = places.landing.listing(dataset.folder, dataset.layout)
    found = observed.state.found.get(dataset.bronze)
    try:
        log = places.lakehouse.log(dataset.bronze)
    except DamagedTableError:
        log = None
    read = log.transactions if log else {}
    broken = found.damage if found else {}
    others: set[str] = set()
    if own is not None and log is not None:
        others = read_by_other_profiles(places.lakehouse, dataset, own)
    arrived = {}
    for name, partition in listing.partitions.items():
        known = read.get(dataset.fingerprint_id(name))
        if not known:
            # 0 is that of a partition that was removed.
            arrived[name] = "it is new in the landing zone"
        elif known != partition.fingerprint:
            arrived[name] = "it changed in the landing zone"
        elif name in others:
            arrived[name] = "the source profiles changed"
        elif why := broken.get(name) or broken.get(WHOLE):
            arrived[name] = why
        if name in arrived:
            observed.fingerprints[name_of(dataset.bronze, name)] = partition.fingerprint
    there = found.records.versions if found else {}
    observed.disappeared += [
        f"{dataset.folder}/{visible_text(partition_path(name))}"
        for name in there
        if name and not listing.may_hold(name)
    ]
    observed.faults += map(str, listing.unreadable.values())
    observed.landed += len(listing.partitions)
    observed.unmatched.update(listing.unmatched)
    observed.alike += [f"{dataset.folder}/{visible_text(path)}" for path in listing.alike]
    return arrived


def _waiting_captures(places: Places, observed: Observed) -> Iterator[str]:
    try:
        captures = unread_captures(places.landing, places.lakehouse, places.event_hub)
        uncompared = uncompared_captures(places.lakehouse, places.event_hub.name)
    except DamagedTableError:
        return
    except LandingError as error:
        observed.faults.append(str(error))
        return
    observed.faults += captures.faults
    if files := sum(len(day.unread) for day in captures.days):
        observed.fingerprints[_EVENTS] = captures.fingerprint
        yield f"{files:,} capture file{'s are' if files > 1 else ' is'} new in the landing zone"
    elif uncompared:
        yield "its gaps were not compared with captured events"


def _waiting_events(places: Places) -> Iterator[str]:
    try:
        spans = unread_spans(places.lakehouse, places.event_hub.look())
    except (EventHubUnavailableError, HubChangedError) as error:
        # The asset raises the error again, so that Dagster records it.
        yield str(error)
        return
    if events := sum(span.last - span.first + 1 for span in spans.values()):
        yield f"the hub has {events:,} unread event{'s' if events > 1 else ''}"
