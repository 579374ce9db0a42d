"""A model of all that may happen to a project, for the test that any order of it ends well."""

import gzip
import json
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
import deltalake
import duckdb
import pyarrow as pa
import pytest
from deltalake.exceptions import DeltaError
from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from amazon_reviews import atomic_file, config, interrupts
from amazon_reviews.defs.assets import datasets as silver_assets
from amazon_reviews.defs.checks import tables as table_checks
from amazon_reviews.defs.partitions import PARTITIONS, known_partitions
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.headless.runner import Outcome
from amazon_reviews.pipeline import state
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.resources.lakehouse import tables
from amazon_reviews.resources.lakehouse.maintenance import drop_table
from amazon_reviews.resources.warehouse.duckdb import warehouse
from amazon_reviews.schemas import PUBLISHED, TABLES
from amazon_reviews_tests.dagster.project import LAYERS, MARTS, Project
from amazon_reviews_tests.helpers import Record, product, review

SOME_MARTS = f"({LAYERS}) or " + " or ".join(
    f"key:{layer}/{name}"
    for layer in ("gold", "warehouse")
    for name in ("review_counts", "ratings")
)
ALL_MARTS = MARTS
FOLDERS = {"reviews": "amazon_reviews", "products": "amazon_metadata"}
NAMES = ("partition_1", "partition_2", "partition_10")
HELPERS = ("silver/duplicates", "silver/rejected", "gold/duplicates")
_LEFT_OUT = {"rejected_at", "lag_events", "lag_seconds", "looked_at"}
_NEVER_EQUAL = {"gold/pipeline_runs"}
_CHANGED_BY_HAND = (
    "silver/reviews",
    "silver/streamed_reviews",
    "silver/products",
    "silver/rejected",
    "silver/duplicates",
    "gold/reviews",
)

# The same reviews occur in several folders and events, so that rows move between partitions.
REVIEWS: tuple[Record | str, ...] = (
    *(review(reviewText=f"Text {number}.", overall=float(1 + number % 5)) for number in range(4)),
    review(asin="B000000002", reviewText="Text 4.", overall=2.0),
    review(asin="B000000009", reviewText="Of an unknown product.", overall=4.0),
    "broken",
)
PRODUCTS: tuple[Record | str, ...] = (
    product(),
    product(title="Large watering can", price="$20.00"),
    product(asin="B000000002", title="Spade", price="", brand="Ash"),
    product(asin="B000000003", title="Rake", main_cat="Tools", price="$7.50"),
    "[]",
)
LINES = {"reviews": REVIEWS, "products": PRODUCTS}


class Killed(BaseException):
    """The end of the process of a run."""


class Commits:
    """The commits of a process, which dies before or after one of them.

    A killed process does nothing more, and so neither does this one commit anything more.
    """

    def __init__(self, fatal: int, *, after: bool) -> None:
        """Let the process die at the commit with the number `fatal`, beginning with 0."""
        self.dead = False
        self._left = fatal
        self._after = after

    def wrapped(self, commit: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that commits, or dies."""

        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.check()
            fatal = self._left == 0
            self._left -= 1
            if fatal and not self._after:
                self.die()
            result = commit(*arguments, **options)
            if fatal:
                self.die()
            return result

        return wrapped

    def die(self) -> None:
        """End the process."""
        self.dead = True
        raise Killed

    def check(self) -> None:
        """Raise `Killed` if the process is dead."""
        if self.dead:
            raise Killed


@contextmanager
def dying(fatal: int, *, after: bool) -> Iterator[Commits]:
    """Let the process die at one of its commits: to a table, or by renaming a file."""
    commits = Commits(fatal, after=after)

    class Mortal(deltalake.DeltaTable):
        create_write_transaction = commits.wrapped(deltalake.DeltaTable.create_write_transaction)
        create = staticmethod(commits.wrapped(deltalake.DeltaTable.create))

    replace_file = commits.wrapped(atomic_file.replace_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "DeltaTable", Mortal)
        patch.setattr(tables, "write_deltalake", commits.wrapped(deltalake.write_deltalake))
        patch.setattr(state, "drop_table", commits.wrapped(drop_table))
        patch.setattr(atomic_file, "replace_file", replace_file)
        patch.setattr(warehouse, "replace_file", replace_file)
        # Dagster reports the death as a failed step, and goes on.
        patch.setattr(interrupts, "check", commits.check)
        yield commits


@contextmanager
def failing_checks(project: Project, kind: str) -> Iterator[None]:
    """Let checks fail, crash, or find that silver has lost a row."""
    rule_checks = table_checks.rule_checks

    def losing(*arguments: Any) -> Iterator[Any]:
        yield from list(build_silver(*arguments))
        delete_row(project, arguments[2].silver, 0)

    def failing(*arguments: Any) -> Iterator[Any]:
        yield from (check._replace(passed=False) for check in rule_checks(*arguments))

    def crashing(*arguments: Any) -> Iterator[Any]:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        if kind == "lost row":
            patch.setattr(silver_assets, "build_silver", losing)
        else:
            patch.setattr(table_checks, "rule_checks", failing if kind == "failed" else crashing)
        yield


def delete_row(project: Project, key: str, number: int) -> bool:
    """Delete a row of a table; return False if it has none."""
    delta = project.lakehouse.delta(key)
    columns = ["review_id"] if key == "gold/reviews" else ["partition", "file", "line"]
    rows = sorted(delta.to_pyarrow_table(columns=columns).to_pylist(), key=repr)
    if not rows:
        return False
    row = rows[number % len(rows)]
    delta.delete(" AND ".join(f"{name} = {value!r}" for name, value in row.items()))
    return True


def content(project: Project) -> dict[str, Counter[Any]]:
    """Return the rows of all tables that users read, as multisets."""
    found = {}
    for key in TABLES:
        if key.startswith(("silver/", "gold/")) and project.lakehouse.exists(key):
            delta = project.lakehouse.delta(key)
            found[key] = _multiset(delta.to_pyarrow_table(), TABLES[key].names)
    return found


def warehouse_content(project: Project) -> dict[str, Counter[Any]]:
    """Return the rows of the warehouse, read by DuckDB on its own."""
    path = project.settings.warehouse.removeprefix("duckdb:///")
    with closing(duckdb.connect(path, read_only=True)) as connection:
        names = connection.sql("SELECT schema_name || '/' || table_name FROM duckdb_tables()")
        present = {name for (name,) in names.fetchall()}
        return {
            table.key: _multiset(
                connection.sql(f"FROM {table.key.replace('/', '.')}").to_arrow_table(), table.names
            )
            for table in PUBLISHED
            if table.key in present
        }


def _multiset(rows: pa.Table, names: Sequence[str]) -> Counter[Any]:
    columns = [rows[name].to_pylist() for name in names if name not in _LEFT_OUT]
    return Counter(repr(_rounded(row)) for row in zip(*columns, strict=True))


def _rounded(value: Any) -> Any:
    """Return a value without the last digits of its numbers, which depend on the order of rows."""
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return value


def assert_same(actual: dict[str, Counter[Any]], expected: dict[str, Counter[Any]]) -> None:
    """Compare the rows of tables; a missing table has none."""
    for key in sorted({*actual, *expected} - _NEVER_EQUAL):
        mine, other = actual.get(key, Counter()), expected.get(key, Counter())
        assert mine == other, f"{key}: too many {mine - other}, too few {other - mine}"


def _note(text: str) -> None:
    """Show a text with a failing sequence."""
    if currently_in_test_context():
        note(text)


def _assert_once(outcome: Outcome) -> None:
    works = [work for stage, _ in outcome.stages for work in stage.work]
    built = Counter((work.name, work.only_checks) for work in works)
    assert max(built.values(), default=1) == 1, built


def _real(failures: Sequence[str]) -> list[str]:
    """Return failures, except that a folder has no usable line."""
    return [failure for failure in failures if "lines could be used" not in failure]


def _event(line: Record | str) -> bytes:
    """Return a line of a folder as the hub gets it: with texts only, and without a time."""
    if isinstance(line, str):
        return line.encode()
    fields = {name: value for name, value in line.items() if name != "unixReviewTime"}
    return json.dumps(fields | {"overall": str(line["overall"]), "verified": "true"}).encode()


class Files(Protocol):
    """The files of a lakehouse, for damage."""

    def paths(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder."""

    def remove(self, path: str) -> None:
        """Remove a file."""

    def cut(self, path: str, size: int) -> None:
        """Leave the first bytes of a file, or all but the last if `size` is negative."""


@dataclass(frozen=True)
class LocalFiles:
    """The files of a lakehouse in a folder."""

    root: Path

    def paths(self, folder: str) -> list[str]:
        files = (path for path in (self.root / folder).rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.root)) for path in files)

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def cut(self, path: str, size: int) -> None:
        file = self.root / path
        file.write_bytes(file.read_bytes()[:size])


@dataclass(frozen=True)
class World:
    """Everything around the projects of a test.

    `select` is the selection that is built, `compared_at_once` is False to compare only at the end.
    `lakehouse` returns the location of a new lakehouse, and access to its files.
    """

    folder: Path
    select: str
    compared_at_once: bool = False
    lakehouse: Callable[[Path], tuple[str, Files]] | None = None


_numbers = count()
_BELOW = {
    **{
        f"bronze/{name}": (f"silver/{name}", f"silver/{name}_columns")
        for name in ("reviews", "products")
    },
    **dict.fromkeys(
        ("silver/duplicates", "silver/rejected"), ("silver/reviews", "silver/products")
    ),
}
_BY_FOLDER = {
    f"{layer}/{name}{part}"
    for name in ("reviews", "products")
    for layer, part in (("bronze", ""), ("silver", ""), ("silver", "_columns"))
}
"""The tables of which a change must build no other partition than its own."""


class AnyOrder(RuleBasedStateMachine):
    """The events of a project, and runs that bring its outputs up to date."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.folder = world.folder / f"example_{next(_numbers)}"
        self.folder.mkdir()
        self.closing = ExitStack()
        self.server = self.closing.enter_context(EventHubEmulator({"reviews": 2}))
        patch = self.closing.enter_context(pytest.MonkeyPatch.context())
        patch.setenv(config.EVENT_HUB, self.server.connection_string("reviews"))
        self.files: Files = LocalFiles(self.folder / "lakehouse")
        self.project = self.new_project(self.folder)
        self.shadow = self.folder / "shadow"
        self.shadow.mkdir()
        self.removed: set[tuple[str, str]] = set()
        self.warehouses = count(2)
        # By key: the partitions that the next runs may build, "*" stands for all.
        self.allowed: dict[str, set[str]] = defaultdict(set)
        self.compared = False

    def new_project(self, root: Path, **settings: str) -> Project:
        """Return a project in a folder, with the same hub."""
        hub = {config.EVENT_HUB: self.server.connection_string("reviews")}
        if self.world.lakehouse:
            location, files = self.world.lakehouse(root)
            settings["AMAZON_REVIEWS_LAKEHOUSE"] = location
            if root == self.folder:
                self.files = files
        return Project(root, **hub, **settings)

    @initialize(
        reviews=st.lists(st.integers(0, len(REVIEWS) - 1), min_size=2, max_size=4),
        products=st.lists(st.integers(0, len(PRODUCTS) - 1), min_size=1, max_size=3),
        built=st.booleans(),
    )
    def begin(self, reviews: list[int], products: list[int], *, built: bool) -> None:
        self.upload("reviews", NAMES[0], reviews)
        self.upload("products", NAMES[0], products)
        if built:
            self.run()

    # What may happen

    @rule(
        dataset=st.sampled_from(["reviews", "reviews", "products"]),
        name=st.sampled_from(NAMES),
        lines=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    )
    def upload(self, dataset: str, name: str, lines: list[int]) -> None:
        """Add or change a folder of the landing zone."""
        chosen = [LINES[dataset][number % len(LINES[dataset])] for number in lines]
        texts = [line if isinstance(line, str) else json.dumps(line) for line in chosen]
        packed = gzip.compress("".join(f"{text}\n" for text in texts).encode())
        for root in (Path(self.project.settings.landing), self.shadow):
            file = root / FOLDERS[dataset] / name / "part-0.json.gz"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(packed)
        self.removed.discard((dataset, name))
        self.allow(f"bronze/{dataset}", name)

    @rule(dataset=st.sampled_from(["reviews", "products"]), number=st.integers(0, 2))
    def remove_folder(self, dataset: str, number: int) -> None:
        """Remove a folder of the landing zone that bronze has read."""
        versions = self.project.lakehouse.versions(f"bronze/{dataset}")
        landed = self.project.landing.partitions(FOLDERS[dataset])
        read = [n for n in landed if n in versions and n not in self.allowed[f"bronze/{dataset}"]]
        if read and "*" not in self.allowed[f"bronze/{dataset}"]:
            name = read[number % len(read)]
            shutil.rmtree(self.project.folder(FOLDERS[dataset], name))
            self.removed.add((dataset, name))

    @rule(
        partition=st.sampled_from("01"),
        numbers=st.lists(st.integers(0, len(REVIEWS) - 1), min_size=1, max_size=3),
    )
    def send(self, partition: str, numbers: list[int]) -> None:
        """Send events to the hub."""
        self.server.append("reviews", partition, *(_event(REVIEWS[number]) for number in numbers))
        self.compared = False

    @rule(data=st.data(), kind=st.sampled_from(["table", "file", "cut", "empty", "back"]))
    def damage_table(self, data: st.DataObject, kind: str) -> None:
        """Remove a table or a data file of it, or damage its newest commit."""
        key = data.draw(st.sampled_from(self.damageable()))
        _note(f"damage of {key}: {kind}")
        paths = self.files.paths(key)
        commits = [path for path in paths if path.endswith(".json") and "_delta_log" in path]
        if not commits:
            return
        if kind == "table":
            for path in paths:
                self.files.remove(path)
        elif kind == "file":
            delta = self.project.lakehouse.delta(key)
            actions = pa.table(delta.get_add_actions()).to_pylist()
            if actions:
                path = data.draw(st.sampled_from(sorted(a["path"] for a in actions)))
                self.files.remove(f"{key}/{path}")
        elif kind == "back":
            # Tables that are written together must not return to an earlier state alone.
            if key not in (*HELPERS, "gold/reviews"):
                self.files.remove(commits[-1])
        else:
            self.files.cut(commits[-1], -5 if kind == "cut" else 0)
        self.allow(key, "*")

    def damageable(self) -> list[str]:
        """Return the tables that can be built again."""
        lost = {f"bronze/{dataset}" for dataset, _ in self.removed}
        # What the hub holds need not be all that it ever held, so events are not read again.
        lost |= {"bronze/review_events", "bronze/event_gaps"}
        keys = [path.split("/_delta_log")[0] for path in self.files.paths("") if "/_delta" in path]
        return sorted(set(keys) - lost)

    @precondition(lambda self: self.warehouse_file().exists())
    @rule(kind=st.sampled_from(["removed", "cut", "other"]))
    def damage_warehouse(self, kind: str) -> None:
        """Remove or cut the file of the warehouse, or set another file."""
        file = self.warehouse_file()
        if kind == "removed":
            file.unlink()
        elif kind == "cut":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        else:
            url = f"duckdb:///{self.folder}/warehouse_{next(self.warehouses)}.duckdb"
            instance = self.project.instance
            self.project = self.new_project(self.folder, AMAZON_REVIEWS_WAREHOUSE=url)
            self.project.instance = instance
        self.compared = False

    def warehouse_file(self) -> Path:
        """Return the file of the warehouse."""
        return Path(self.project.settings.warehouse.removeprefix("duckdb:///"))

    @precondition(lambda self: "report" in self.world.select or self.world.select == ALL_MARTS)
    @rule(cut=st.booleans())
    def damage_report(self, *, cut: bool) -> None:
        """Remove or cut the report."""
        report = self.project.settings.report
        if report.exists():
            if cut:
                report.write_bytes(report.read_bytes()[:-50])
            else:
                report.unlink()

    @rule(key=st.sampled_from(_CHANGED_BY_HAND), number=st.integers(0, 9))
    def delete_row(self, key: str, number: int) -> None:
        """Delete a row of a table by hand."""
        if self.project.lakehouse.exists(key):
            # A damaged table, and nothing to delete from.
            with suppress(DeltaError, OSError):
                if delete_row(self.project, key, number):
                    self.allow(key, "*")

    @rule(key=st.sampled_from([*TABLES]), name=st.sampled_from(NAMES))
    def materialize(self, key: str, name: str) -> None:
        """Build something by hand, whatever its inputs are; it may fail."""
        if key not in self.keys():
            return
        _note(f"by hand: {key}")
        partitions = PARTITIONS[str(TABLES[key].partitions)] if TABLES[key].partitions else None
        if partitions and name not in known_partitions(self.project.instance, partitions):
            return
        self.project.materialize(key, partitions=[name] if partitions else [])
        self.allow(key, name if partitions else "*")

    @rule(kind=st.sampled_from(["failed", "crashed", "lost row"]))
    def run_with_failing_checks(self, kind: str) -> None:
        """Run while checks fail."""
        with failing_checks(self.project, kind):
            outcome = self.project.run(self.world.select)
        _assert_once(outcome)
        self.allow("silver/reviews", "*")
        self.allow("silver/products", "*")

    @rule(fatal=st.integers(0, 30), after=st.booleans())
    def killed_run(self, fatal: int, *, after: bool) -> None:
        """Run in a process that dies at a commit."""
        with dying(fatal, after=after) as commits, suppress(Killed):
            self.project.run(self.world.select)
        self.compared &= not commits.dead

    @rule()
    def run(self) -> None:
        """Run to the end: nothing fails, nothing is built twice, nothing is left."""
        outcome = self.project.run(self.world.select)
        _note(
            "stages: " + "; ".join(f"{s.name} {s.partitions} {s.remark}" for s, _ in outcome.stages)
        )
        failures = _real(outcome.failures)
        assert not failures, failures
        _assert_once(outcome)
        for stage, _ in outcome.stages:
            for work in stage.work:
                if work.key in _BY_FOLDER and "*" not in self.allowed[work.key]:
                    assert work.partition in self.allowed[work.key], work
        self.allowed.clear()
        left = self.project.headless(self.world.select).plan().work
        assert not left, [(work.name, work.reason) for work in left]
        if self.world.compared_at_once:
            self.compare()

    # What must hold

    def compare(self) -> None:
        """Compare all that users read with a project that is built from nothing."""
        if self.compared:
            return
        root = self.world.folder / f"reference_{next(_numbers)}"
        reference = self.new_project(root, AMAZON_REVIEWS_LANDING=str(self.shadow))
        failures = _real(reference.run(self.world.select).failures)
        assert not failures, failures
        assert_same(content(self.project), content(reference))
        assert_same(warehouse_content(self.project), warehouse_content(reference))
        self.compared = True
        shutil.rmtree(root)

    def teardown(self) -> None:
        """Bring the project to its end, and compare it."""
        try:
            # After a failure there is nothing to bring to an end.
            if sys.exc_info()[0] is None:
                self.run()
                self.compare()
        finally:
            self.closing.close()
            shutil.rmtree(self.folder)

    def keys(self) -> set[str]:
        """Return the keys that are built."""
        selection = dg.AssetSelection.from_string(self.world.select)
        return {key.to_user_string() for key in selection.resolve(self.project.graph)}

    def allow(self, key: str, partition: str) -> None:
        """Allow the next runs to build a partition of a table, and what is built from it."""
        self.compared = False
        self.allowed[key].add(partition)
        for below in _BELOW.get(key, ()):
            self.allow(below, partition)
