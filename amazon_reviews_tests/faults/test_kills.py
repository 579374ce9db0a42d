"""Commands whose process group is killed at a random moment: the next command puts all right.

The next command is an ordinary one. After it all rows are those of an undisturbed build.
"""

import os
import shutil
import time
from collections import Counter
from types import SimpleNamespace

import pytest

from amazon_reviews.config import EVENT_HUB
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews_tests.dagster.any_order import SOME_MARTS, content, warehouse_content
from amazon_reviews_tests.dagster.project import Project
from amazon_reviews_tests.faults.commands import Commands, killed
from amazon_reviews_tests.faults.plugin import LOST, TWICE
from amazon_reviews_tests.helpers import review

pytestmark = pytest.mark.long

SAMPLE = SampleOptions(
    reviews=300, products=40, users=30, partitions=3, events=40, titles=20, title_ratings=200
)
# All layers and some marts, in the lakehouse and in the warehouse. Training takes minutes.
RUN = ("run", "--select", SOME_MARTS)
HUB_PARTITIONS = 2
# The history of Dagster's runs.
NEVER_EQUAL = "gold/pipeline_runs"
OLD_SECONDS = 8 * 24 * 3600
RESTORED = ("silver/reviews", "gold/reviews")


class World:
    """A project at a fixed place, because models are stored with their paths.

    Every kill begins in one of its saved states.
    """

    def __init__(self, folder):
        self.root = folder / "project"
        self.saved = folder / "saved"
        self.saved.mkdir()

    def save(self, state):
        shutil.copytree(self.root, self.saved / state, symlinks=True)

    def restore(self, state):
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.saved / state, self.root, symlinks=True)

    def rows(self):
        """Return the rows of all tables that users read, in the lakehouse and in the warehouse."""
        project = Project(self.root)
        logs = map(project.lakehouse.log, RESTORED)
        # A pinned table does not follow its inputs.
        if all(log is None or log.pinned is None for log in logs):
            assert all(account.balanced for account in reconcile_all(project.lakehouse))
        tables = content(project)
        tables |= {f"warehouse {key}": rows for key, rows in warehouse_content(project).items()}
        return {
            # How long a model took differs each time.
            key: Counter({row: n for row, n in rows.items() if "_seconds'" not in row})
            for key, rows in tables.items()
            if not key.endswith(NEVER_EQUAL)
        }

    def undisturbed(self, state, command, run=RUN, settings=()):
        """Run a command from a state, and then `run`; return what a kill of the command needs."""
        commands = Commands(self.root, dict(settings))
        self.restore(state)
        seconds = commands.run(*command)
        if command != run:
            commands.run(*run)
        return SimpleNamespace(
            world=self,
            state=state,
            command=command,
            run=run,
            commands=commands,
            seconds=seconds,
            rows=self.rows(),
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A project with the states `new` without tables, `built`, and `changed` since it was built."""
    world = World(tmp_path_factory.mktemp("kills"))
    generate(SAMPLE, world.root / "landing")
    world.save("new")
    Commands(world.root).run(*RUN)
    world.save("built")
    project = Project(world.root)
    folder = project.folder("amazon_reviews", "partition_1")
    shutil.copytree(folder, project.folder("amazon_reviews", "partition_4"))
    sorted(folder.iterdir())[0].unlink()
    project.add_file("amazon_reviews", "partition_2", review(reviewText="New."), "broken")
    world.save("changed")
    return world


@pytest.fixture(scope="module")
def first_build(world):
    """Everything is built, models and reports too."""
    return world.undisturbed("new", ["run"], ["run"])


@pytest.fixture(scope="module")
def batch(world):
    return world.undisturbed("changed", RUN)


@pytest.fixture(scope="module")
def stream(world):
    lines = (
        (world.saved / "built" / "landing" / "events" / "events.jsonl").read_bytes().split(b"\n")
    )
    with EventHubEmulator({"reviews": HUB_PARTITIONS}) as server:
        for partition in range(HUB_PARTITIONS):
            server.append("reviews", str(partition), *lines[partition::HUB_PARTITIONS])
        hub = {EVENT_HUB: server.connection_string("reviews")}
        yield world.undisturbed("built", RUN, settings=hub)


@pytest.fixture(scope="module")
def maintenance(world):
    """Maintenance that has files to put together, and files to remove."""
    world.restore("built")
    for file in (world.root / "lakehouse").glob("*/*/**/*.parquet"):
        left = file.with_name(f"left-{file.name}")
        shutil.copy(file, left)
        os.utime(left, (time.time() - OLD_SECONDS,) * 2)
    world.save("to maintain")
    return world.undisturbed("to maintain", ["maintain"])


@pytest.fixture(scope="module", params=RESTORED)
def restoration(world, request):
    """A table that is restored to the version before the project changed.

    `rows_when_pinned` are those of a run after the undisturbed restoration.
    """
    key = request.param
    world.restore("changed")
    version = Project(world.root).lakehouse.version(key)
    Commands(world.root).run(*RUN)
    state = f"{key.partition('/')[0]} before it is restored"
    world.save(state)
    restore = ("restore", "--table", key, "--version", str(version))
    pinned = world.undisturbed(state, restore)
    world.restore(state)
    return SimpleNamespace(
        **vars(pinned) | {"rows": world.rows()},
        rows_when_pinned=pinned.rows,
        key=key,
        version=version,
    )


def kill_at(undisturbed, moment):
    """Kill a command at a share of its time; return the seconds after which it was killed."""
    world, seconds = undisturbed.world, moment * undisturbed.seconds
    world.restore(undisturbed.state)
    while not killed(undisturbed.commands.start(*undisturbed.command), after=seconds):
        # The machine is faster than before.
        seconds *= 0.8
        world.restore(undisturbed.state)
    return seconds


def assert_equal_rows(actual, expected, seconds, record_property):
    """Compare the rows of all tables, and record those that are lost or too many."""
    keys = sorted({*actual, *expected})
    nothing = Counter()
    lost = {key: expected.get(key, nothing) - actual.get(key, nothing) for key in keys}
    twice = {key: actual.get(key, nothing) - expected.get(key, nothing) for key in keys}
    record_property(LOST, sum(rows.total() for rows in lost.values()))
    record_property(TWICE, sum(rows.total() for rows in twice.values()))
    different = {key: (lost[key], twice[key]) for key in keys if lost[key] or twice[key]}
    assert not different, f"killed after {seconds:.2f} s"


def assert_recovers(undisturbed, moment, record_property):
    """Kill a command at a share of its time; run; compare all rows with the undisturbed build."""
    seconds = kill_at(undisturbed, moment)

    undisturbed.commands.run(*undisturbed.run)

    assert_equal_rows(undisturbed.world.rows(), undisturbed.rows, seconds, record_property)


@pytest.mark.fault("kill of a batch run", share=0.2)
def test_run_recovers_from_a_killed_run(batch, moment, record_property):
    assert_recovers(batch, moment, record_property)


@pytest.mark.fault("kill of a run that reads a stream", share=0.25)
def test_run_recovers_from_a_killed_run_of_the_stream(stream, moment, record_property):
    assert_recovers(stream, moment, record_property)


@pytest.mark.fault("kill of maintenance", share=0.15)
def test_run_recovers_from_killed_maintenance(maintenance, moment, record_property):
    assert_recovers(maintenance, moment, record_property)


@pytest.mark.fault("kill of a first run", share=0.1)
def test_run_recovers_from_a_killed_first_run(first_build, moment, record_property):
    assert_recovers(first_build, moment, record_property)


@pytest.mark.fault("kill of a restoration", share=0.025)
def test_run_recovers_from_a_killed_restoration(restoration, moment, record_property):
    """The table has the restored rows and is pinned, or has the rows from before."""
    world, key = restoration.world, restoration.key
    seconds = kill_at(restoration, moment)
    project = Project(world.root)
    pinned = project.lakehouse.log(key).pinned
    assert pinned in (None, restoration.version)
    expected = restoration.rows if pinned is None else restoration.rows_when_pinned
    assert content(project)[key] == expected[key]

    restoration.commands.run(*restoration.run)

    assert_equal_rows(world.rows(), expected, seconds, record_property)
    assert project.lakehouse.log(key).pinned == pinned
    # So does the next restoration, after any end of this one.
    restoration.commands.run(*restoration.command)
    restoration.commands.run(*restoration.run)
    assert world.rows() == restoration.rows_when_pinned
