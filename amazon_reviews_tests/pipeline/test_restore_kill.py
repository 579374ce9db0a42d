"""A restoration that is killed before a commit: no table is half old, the next one completes it."""

import pyarrow as pa
import pytest

from amazon_reviews import config
from amazon_reviews.defs.resources import places_of
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.restore import restore
from amazon_reviews.planner.verdicts import failed_check
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.faults.commands import Commands
from amazon_reviews_tests.faults.restoring import restore_and_kill
from amazon_reviews_tests.helpers import rows

KEY, DUPLICATES = "gold/reviews", "gold/duplicates"
NAME = "partition_1"


@pytest.fixture
def lakehouse(tmp_path):
    """A lakehouse whose gold was built twice, with other rows."""
    lakehouse = places_of(config.load(environment(tmp_path))).lakehouse
    for version in ("old", "new"):
        write(lakehouse, KEY, {"partition": [NAME]}, review_id=version)
        of_reviews = {"table": ["reviews"], "partition": [NAME]}
        write(lakehouse, DUPLICATES, of_reviews, table="reviews", id=version)
        checks = {NAME: {"accounted": True}}
        checks[WHOLE] = dict.fromkeys(("unique", "schema", "ranges"), True)
        lakehouse.record(KEY, checks=checks)
    return lakehouse


def write(lakehouse, key, replacing, **values):
    schema = TABLES[key].arrow_schema
    row = dict.fromkeys(schema.names) | {"partition": NAME} | values
    built = {NAME: {"silver/reviews": 1}}
    lakehouse.write(pa.Table.from_pylist([row], schema), key, replacing=replacing, built=built)


def ids(lakehouse):
    """Return the rows of gold, and those of its duplicates."""
    return [
        [row_id for (row_id,) in rows(lakehouse, key, name)]
        for key, name in ((KEY, "review_id"), (DUPLICATES, "id"))
    ]


def test_restoration_that_is_killed_before_its_last_commit_is_completed(tmp_path, lakehouse):
    version = next(v for v in range(99) if lakehouse.delta(KEY, v).to_pyarrow_table().num_rows)
    places = places_of(config.load(environment(tmp_path)))

    assert restore_and_kill(Commands(tmp_path), KEY, version, commits=2)

    assert ids(lakehouse) == [["new"], ["old"]]
    assert lakehouse.log(KEY).pinned is None
    (output,) = (output for output in OUTPUTS if output.key == KEY)
    assert failed_check(output.table_checks, lakehouse.records(KEY)), "the next run builds it"

    restore(places, KEY, version)
    assert ids(lakehouse) == [["old"], ["old"]]
    assert lakehouse.log(KEY).pinned == version
