"""Restoring a table to an earlier version: rows, pin, build records, and what is refused."""

from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner

from amazon_reviews import config
from amazon_reviews.cli import main
from amazon_reviews.defs.resources import places_of
from amazon_reviews.errors import PinnedTableError, TableInUseError, UsageError
from amazon_reviews.pipeline import restore as restoration
from amazon_reviews.planner.model import Found, Output, State
from amazon_reviews.planner.plan import make_plan
from amazon_reviews.resources.lakehouse.maintenance import maintain
from amazon_reviews.resources.lakehouse.restore import unpin
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.resources.lakehouse.verification import damaged_files
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE, code_of
from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.damage import flip

KEY, INPUT = "gold/brands", "gold/products"
STREAM = "bronze/review_events"


@pytest.fixture
def places(tmp_path):
    return places_of(config.load(environment(tmp_path)))


@pytest.fixture
def lakehouse(places):
    """A mart of which versions 1 to 3 hold one brand each."""
    for number in range(1, 4):
        write(places.lakehouse, number)
    return places.lakehouse


def write(lakehouse, number):
    declared = TABLES[KEY]
    row = dict.fromkeys(declared.names) | {"brand": f"brand {number}"}
    rows = pa.Table.from_pylist([row], declared.arrow_schema)
    lakehouse.write(rows, KEY, replacing=ALL_ROWS, built={WHOLE: {INPUT: number}})


def brands(lakehouse, version=None):
    """Return the brands of a version, read by DuckDB from its files."""
    files = lakehouse.delta(KEY, version).file_uris()
    return [b for (b,) in duckdb.sql(f"SELECT brand FROM read_parquet({files})").fetchall()]


def data_files(lakehouse, version):
    uris = lakehouse.delta(KEY, version).file_uris()
    return [Path(uri.removeprefix("file://")) for uri in uris]


def pending(lakehouse):
    """Return the plan for the mart with one input, and for a copy of it."""
    log = lakehouse.log(KEY)
    found = {INPUT: Found(lakehouse.records(INPUT)), KEY: Found(log.records, pinned=log.pinned)}
    copy = Output("copy", (KEY,), code_version="")
    return make_plan([Output(INPUT), Output(KEY, (INPUT,)), copy], State(found))


def cli(root, *arguments):
    return CliRunner().invoke(main, arguments, env=environment(root) | {"COLUMNS": "200"})


def test_earlier_rows_come_back_as_a_new_version(places, lakehouse):
    before = lakehouse.versions(KEY)[WHOLE]

    restoration.restore(places, KEY, 1)

    assert lakehouse.version(KEY) == 4
    assert [brands(lakehouse, version) for version in (1, 3, 4)] == [
        ["brand 1"],
        ["brand 3"],
        ["brand 1"],
    ]
    now = lakehouse.versions(KEY)[WHOLE]
    assert now > before
    assert code_of(now) == code_of(before)
    assert Lakehouse(lakehouse.location).log(KEY).pinned == 1


def test_pinned_table_is_not_written_until_it_is_unpinned(places, lakehouse):
    restoration.restore(places, KEY, 1)

    with pytest.raises(PinnedTableError, match=f"--unpin {KEY}"):
        write(lakehouse, 9)
    with pytest.raises(PinnedTableError):
        lakehouse.record(KEY, {WHOLE: {INPUT: 9}})
    lakehouse.record(KEY, checks={WHOLE: {"adds_up": True}})
    list(maintain(lakehouse))
    assert brands(lakehouse) == ["brand 1"]

    assert unpin(lakehouse, KEY)
    assert not unpin(lakehouse, KEY)
    write(lakehouse, 9)
    assert brands(lakehouse) == ["brand 9"]


def test_planner_shows_a_pinned_table_and_builds_what_it_feeds_only(places, lakehouse):
    lakehouse.record(INPUT, {WHOLE: {}})
    assert f"{INPUT} is newer" in {w.reason for w in pending(lakehouse).work if w.key == KEY}

    restoration.restore(places, KEY, 1)

    plan = pending(lakehouse)
    assert plan.pinned == {KEY: 1}
    assert plan.pins() == [f"{KEY} is pinned to version 1"]
    assert KEY not in {work.key for work in plan.work}
    assert [work.reason for work in plan.work if work.key == "copy"] == ["it is missing"]
    unpin(lakehouse, KEY)
    assert KEY in {work.key for work in pending(lakehouse).work}
    assert not pending(lakehouse).pinned


def test_what_a_restoration_changed_is_built_again_after_it(places, lakehouse):
    """Also where the present inputs are those that the earlier version was built from."""
    lakehouse.record(INPUT, {WHOLE: {}})
    for _ in range(2):
        write(lakehouse, lakehouse.versions(INPUT)[WHOLE])
    assert KEY not in {work.key for work in pending(lakehouse).work}

    restoration.restore(places, KEY, 4)
    unpin(lakehouse, KEY)

    assert KEY in {work.key for work in pending(lakehouse).work}


def test_newest_version_is_pinned_without_a_new_build(places, lakehouse):
    before = lakehouse.versions(KEY)

    restoration.restore(places, KEY, 3)

    assert lakehouse.versions(KEY) == before
    assert lakehouse.log(KEY).pinned == 3
    assert brands(lakehouse) == ["brand 3"]


def test_restored_file_that_was_damaged_is_still_found(places, lakehouse):
    (file,) = data_files(lakehouse, 1)
    flip(file, 8)

    restoration.restore(places, KEY, 1)

    (damage,) = damaged_files(lakehouse, KEY, lambda done, size: None)
    assert damage.path == file.name or damage.path.endswith(file.name)


@pytest.mark.parametrize(
    ("key", "version", "text"),
    [
        ("gold/brand", 1, "there is no table 'gold/brand'; did you mean gold/brands?"),
        ("gold/countries", 1, r"there is no table|was not built yet"),
        (KEY, 99, f"{KEY} has no version 99; there are 0 to 3, which .*--table {KEY} --list"),
        (KEY, 0, "version 0 of gold/brands is from before its first build"),
        (STREAM, 0, "an event is read once"),
        ("bronze/event_gaps", 0, "an event is read once"),
        ("silver/streamed_reviews", 0, "builds it from all events"),
        ("silver/rejected", 0, "restore one of these"),
        ("gold/duplicates", 0, "restore one of these"),
        ("gold/recommender_users", 0, "restore gold/recommender_interactions"),
    ],
)
def test_what_cannot_be_restored_is_refused_with_the_reason(places, lakehouse, key, version, text):
    if key in TABLES and key != KEY:
        lakehouse.ensure(key)

    with pytest.raises(UsageError, match=text):
        restoration.restore(places, key, version)

    assert (brands(lakehouse), lakehouse.version(KEY)) == (["brand 3"], 3)


def test_version_whose_files_are_gone_names_them(places, lakehouse):
    (file,) = data_files(lakehouse, 1)
    file.unlink()

    with pytest.raises(UsageError, match=f"1 of its 1 data files are gone, such as .*{file.name}"):
        restoration.restore(places, KEY, 1)

    assert lakehouse.version(KEY) == 3


def test_restoration_does_not_wait_for_a_run_that_writes(places, lakehouse):
    with lakehouse.lock(KEY), pytest.raises(TableInUseError, match="another run writes the table"):
        restoration.restore(places, KEY, 1)

    assert lakehouse.version(KEY) == 3
    restoration.restore(places, KEY, 1)


def test_table_can_be_pinned_to_another_version(places, lakehouse):
    restoration.restore(places, KEY, 1)

    restoration.restore(places, KEY, 2)

    assert lakehouse.log(KEY).pinned == 2
    assert brands(lakehouse) == ["brand 2"]


@pytest.mark.long
def test_command_lists_restores_and_unpins(tmp_path, lakehouse):
    write(lakehouse, 4)
    listed = cli(tmp_path, "restore", "--table", KEY, "--list")
    too_early = cli(tmp_path, "restore", "--table", KEY, "--at", "2001-01-01")
    by_time = cli(tmp_path, "restore", "--table", KEY, "--at", "2200-01-01 12:00:00")
    newest = lakehouse.log(KEY).pinned
    by_version = cli(tmp_path, "restore", "--table", KEY, "--version", "2")
    plan = cli(tmp_path, "doctor")
    pinned = brands(lakehouse)
    unpinned = cli(tmp_path, "restore", "--unpin", KEY)
    again = cli(tmp_path, "restore", "--unpin", KEY)

    assert [line.split()[0] for line in listed.stdout.splitlines()[-5:]] == [*"43210"]
    assert too_early.exit_code == 2
    assert f"{KEY} has no version of 2001-01-01 00:00:00 UTC" in too_early.stderr
    assert (by_time.exit_code, newest) == (0, 4)
    assert by_version.exit_code == 0, by_version.output
    assert f"{KEY} has the rows of version 2, and is pinned" in by_version.stdout
    assert "pinned to version 2" in plan.stdout
    assert pinned == ["brand 2"]
    assert "is no longer pinned" in unpinned.stdout
    assert again.stdout == f"{KEY} is not pinned\n"
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        key = dg.AssetKey(KEY.split("/"))
        records = instance.fetch_observations(key, limit=10).records
        shown = [r.asset_observation.metadata["pinned"].value for r in records]
    assert shown[:3] == ["no", "no", "to version 2"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--table", KEY),
        ("--table", KEY, "--unpin", KEY),
        ("--unpin", "gold/x"),
    ],
)
def test_wrong_use_is_one_line(tmp_path, lakehouse, arguments):
    result = cli(tmp_path, "restore", *arguments)

    assert result.exit_code == 2
    assert "Traceback" not in result.output
