"""Restoring tables of a whole project: what is pinned stays, and what it feeds follows."""

import gzip

import duckdb
import pytest

from amazon_reviews.defs.assets.metadata import table_metadata
from amazon_reviews.defs.planner_sensor import planner_sensor
from amazon_reviews.defs.resources import places_of
from amazon_reviews.errors import PinnedTableError, UsageError
from amazon_reviews.pipeline import restore as restoration
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.resources.lakehouse.restore import unpin
from amazon_reviews_tests.dagster.project import Project, failed_steps, requested
from amazon_reviews_tests.faults.commands import Commands
from amazon_reviews_tests.faults.restoring import restore_and_kill
from amazon_reviews_tests.helpers import content, review, rows

pytestmark = pytest.mark.long

SILVER = "silver/reviews"
GOLD = "gold/reviews"
TABLES = ("bronze/reviews", SILVER, "silver/rejected", "silver/duplicates", GOLD, "gold/duplicates")
FIRST, NEW = "partition_1", "partition_9"


def restore(project, key, version):
    restoration.restore(places_of(project.settings), key, version)


def contents(project):
    """Return the rows of the tables of reviews, without the moments of their rejection."""
    found = {key: content(project.lakehouse, key) for key in TABLES}
    rejected = "partition", "file", "line", "reason", "raw"
    return found | {"silver/rejected": rows(project.lakehouse, "silver/rejected", *rejected)}


def of_partition(project, key, name):
    table = project.lakehouse.delta(key)
    paths = [path for path in table.file_uris() if f"partition={name}/" in path]
    return (
        duckdb.sql(f"SELECT count(*) FROM read_parquet({paths})").fetchall()[0][0] if paths else 0
    )


def gold_and_duplicates(project):
    """Return what each partition keeps, and what it has lost to others."""
    kept = rows(project.lakehouse, GOLD, "partition", "review_id")
    lost = rows(project.lakehouse, "gold/duplicates", "partition", "id", "kept_in", "table")
    return {
        name: [[row for row in each if row[0] == name] for each in (kept, lost)]
        for name in {name for name, *_ in (*kept, *lost)}
    }


def unbalanced(project):
    return {
        f"{row.layer}/{row.table}" for row in reconcile_all(project.lakehouse) if not row.balanced
    }


@pytest.fixture
def grown(done: Project) -> Project:
    """A project that has got new lines since its first build: a new and a changed partition."""
    new = review(reviewerID="late", asin="B000000001", reviewText="late " * 5)
    # An unusable line, a duplicate within the partition, and one of another partition.
    done.add_file("amazon_reviews", NEW, new, new, {"asin": 3})
    copied = sorted(done.folder("amazon_reviews", FIRST).iterdir())[0]
    text = gzip.decompress(copied.read_bytes()).splitlines()[0].decode()
    (done.folder("amazon_reviews", NEW) / "copy.json").write_text(text + "\n")
    done.add_file("amazon_reviews", FIRST, review(reviewerID="more", reviewText="more " * 5), 5)
    return done


@pytest.mark.parametrize("key", [SILVER, GOLD, "bronze/reviews"])
def test_pinned_table_stays_and_what_it_feeds_follows_until_it_is_unpinned(grown, key):
    version = grown.lakehouse.version(key)
    before = contents(grown)
    assert not grown.run().failures
    after = contents(grown)
    assert after != before

    restore(grown, key, version)
    outcome = grown.run()

    assert not outcome.failures
    assert outcome.pins == [f"{key} is pinned to version {version}"]
    below = TABLES[TABLES.index(key) :]
    pinned = contents(grown)
    for table in below:
        assert pinned[table] == before[table], table
    assert of_partition(grown, GOLD, NEW) == 0
    # What waits before the pinned table is no loss, and all else reconciles.
    assert unbalanced(grown) <= {key}
    asked = grown.tick(planner_sensor).run_requests or ()
    assert key not in " ".join(requested(asked)).split()
    assert table_metadata(grown.lakehouse, key)["pinned"] == f"to version {version}"

    # Also what a person asks for, and what comes later.
    late = review(reviewerID="later", reviewText="later " * 5)
    grown.add_file("amazon_reviews", FIRST, late, file="x.json.gz")
    assert not grown.run().failures
    assert contents(grown)[key] == before[key]
    with pytest.raises(PinnedTableError, match=f"restore --unpin {key}"):
        grown.run(rebuild={key: [FIRST]})
    failed = failed_steps(grown.materialize(key, partitions=[FIRST]))
    assert "is pinned to version" in "".join(failed.values())
    assert contents(grown)[key] == before[key]

    assert unpin(grown.lakehouse, key)
    assert not grown.run().failures
    assert grown.run().nothing_new
    assert unbalanced(grown) == set()
    fresh = Project(grown.root / "fresh", AMAZON_REVIEWS_LANDING=str(grown.root / "landing"))
    assert not fresh.run().failures
    assert contents(grown) == contents(fresh)


@pytest.mark.fault("kill of a restoration before a commit")
@pytest.mark.parametrize("key", [SILVER, GOLD, "bronze/reviews"])
def test_run_repairs_what_a_killed_restoration_left(grown, key):
    """It is killed before each of its commits in turn, and after the last one."""
    version = grown.lakehouse.version(key)
    before = contents(grown)
    assert not grown.run().failures
    after = contents(grown)
    commands = Commands(grown.root)
    ends = []
    while restore_and_kill(commands, key, version, commits=len(ends)):
        pinned = grown.lakehouse.log(key).pinned
        assert contents(grown)[key] == (after if pinned is None else before)[key]
        ends.append(pinned)

        assert not grown.run().failures
        assert contents(grown)[key] == (after if pinned is None else before)[key]
        if unpin(grown.lakehouse, key):
            assert not grown.run().failures
        assert contents(grown) == after
        assert unbalanced(grown) == set()

    # The pin is in the last commit.
    assert ends == [*[None] * (len(ends) - 1), version]
    assert len(ends) >= 2
    assert grown.headless().plan().pinned == {key: version}


def test_version_in_the_middle_of_a_build_is_refused(grown):
    """Gold is written before the duplicates that belong to it."""
    states = [gold_and_duplicates(grown)]
    before = grown.lakehouse.version(GOLD)
    assert not grown.run().failures
    states.append(gold_and_duplicates(grown))
    later = range(before + 1, grown.lakehouse.version(GOLD) + 1)
    refused = []
    for version in later:
        try:
            restore(grown, GOLD, version)
        except UsageError as error:
            refused.append(str(error))
        else:
            # Partitions are built one after the other, but none is half of two states.
            for name, (kept, lost) in gold_and_duplicates(grown).items():
                known = [state.get(name) for state in states]
                assert not kept or [kept, lost] in known, (version, name)
            unpin(grown.lakehouse, GOLD)
    assert all("is not a state to restore: its check" in text for text in refused)
    assert len(refused) < len(later)


def test_bronze_is_not_restored_without_the_files_that_were_read_since(grown):
    version = grown.lakehouse.version("bronze/reviews")
    assert not grown.run().failures
    after = contents(grown)
    for file in grown.folder("amazon_reviews", NEW).iterdir():
        file.unlink()
    grown.folder("amazon_reviews", NEW).rmdir()

    with pytest.raises(UsageError, match=f"from {NEW}, which the landing zone no longer has"):
        restore(grown, "bronze/reviews", version)

    assert contents(grown) == after
