"""Every check holds on the sample, and fails when what it guards is broken."""

import re
import shutil
from collections.abc import Iterator

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import write_deltalake

from amazon_reviews.defs.assets import datasets as silver_assets
from amazon_reviews.defs.assets import gold as gold_assets
from amazon_reviews_tests.dagster.project import Project, copy_first_row, failed_steps


def expected_checks():
    return {
        ("bronze/reviews", "every_file_read", False),
        ("bronze/products", "every_file_read", False),
        ("bronze/review_events", "lag_bound", False),
        ("bronze/review_events", "no_gaps", False),
        ("silver/streamed_reviews", "accounted", True),
        ("silver/reviews", "accounted", True),
        ("silver/products", "accounted", True),
        ("silver/reviews", "rows_kept", False),
        ("silver/products", "rows_kept", False),
        ("silver/rejected", "rejected_share", False),
        ("gold/reviews", "accounted", True),
        ("gold/reviews", "unique", True),
        ("gold/reviews", "ranges", True),
        ("gold/reviews", "schema", True),
        ("gold/reviews", "product_found", False),
        ("gold/products", "accounted", True),
        ("gold/products", "unique", True),
        ("gold/products", "ranges", True),
        ("gold/products", "schema", True),
    }


def test_the_checks_and_which_of_them_block(all_done):
    graph = all_done.graph
    found = {
        (key.asset_key.to_user_string(), key.name, graph.get(key).blocking)
        for key in graph.asset_check_keys
    }
    own = {check for check in found if check[1] != "adds_up"}
    assert own - expected_checks() == {
        ("gold/freshness", "fresh", False),
        ("model/sentiment", "not_worse", True),
        ("gold/sentiment_predictions", "complete", True),
        ("gold/sentiment_predictions", "drift", False),
        ("bronze/titles", "every_file_read", False),
        ("bronze/title_ratings", "every_file_read", False),
        ("silver/titles", "accounted", True),
        ("silver/title_ratings", "accounted", True),
        ("silver/titles", "rows_kept", False),
        ("silver/title_ratings", "rows_kept", False),
        ("gold/titles", "accounted", True),
        ("gold/titles", "ratings_counted", True),
        ("gold/titles", "unique", True),
        ("gold/titles", "ranges", True),
        ("gold/titles", "schema", True),
    }
    assert expected_checks() < own


def test_every_check_was_evaluated_and_passed(all_done):
    latest = all_done.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        list(all_done.graph.asset_check_keys)
    )
    evaluations = [record.event.asset_check_evaluation for record in latest.values()]
    made = {(found.asset_key.to_user_string(), found.check_name) for found in evaluations}
    assert made == {(key, name) for key, name, _ in expected_checks()}
    off = [found.check_name for found in evaluations if not found.passed]
    assert not off


@pytest.fixture(scope="module")
def copy(all_done, tmp_path_factory):
    """A copy of the lakehouse for all tests that break a table."""
    root = tmp_path_factory.mktemp("checks")
    shutil.copytree(all_done.root / "lakehouse", root / "lakehouse")
    return Project(root)


@pytest.fixture
def broken(copy):
    """The copy, whose tables are restored after the test."""
    before = copy.versions()
    yield copy
    for key, version in copy.versions().items():
        if version != before[key]:
            copy.lakehouse.delta(key).restore(before[key])


def first(column, value):
    """Set a column of one row."""

    def change(delta):
        key = "review_id" if "review_id" in delta.schema().to_arrow().names else "asin"
        one = delta.to_pyarrow_table(columns=[key])[key][0].as_py()
        delta.update(updates={column: value}, predicate=f"{key} = '{one}'")

    return change


def every(**updates):
    """Set columns of all rows."""
    return lambda delta: delta.update(updates=updates, predicate="true")


def add_column(delta):
    rows = delta.to_pyarrow_table()
    more = rows.append_column("surprise", pa.nulls(rows.num_rows, pa.string()))
    write_deltalake(delta, more, mode="overwrite", schema_mode="overwrite")


def change_type(delta):
    rows = delta.to_pyarrow_table()
    at = rows.column_names.index("image_count")
    more = rows.set_column(at, "image_count", rows["image_count"].cast(pa.int64()))
    write_deltalake(delta, more, mode="overwrite", schema_mode="overwrite")


@pytest.mark.parametrize(
    ("key", "tamper", "check"),
    [
        pytest.param("gold/reviews", copy_first_row, "unique", id="a review twice"),
        pytest.param("gold/reviews", first("overall", "9.0"), "ranges", id="9 stars"),
        pytest.param("gold/reviews", first("overall", "NULL"), "ranges", id="no stars, yet rated"),
        pytest.param("gold/reviews", first("unrated", "NULL"), None, id="stars are enough"),
        pytest.param("gold/reviews", every(overall="NULL", unrated="NULL"), "ranges", id="unclear"),
        pytest.param("gold/reviews", first("vote", "-1"), "ranges", id="votes < 0"),
        pytest.param("gold/reviews", first("word_count", "-1"), "ranges", id="words < 0"),
        pytest.param("gold/reviews", first("image_count", "-1"), "ranges", id="images < 0"),
        pytest.param("gold/reviews", add_column, "schema", id="one more column"),
        pytest.param("gold/reviews", every(title="NULL"), "product_found", id="no products"),
        pytest.param("gold/products", copy_first_row, "unique", id="a product twice"),
        pytest.param("gold/products", first("price", "-0.01"), "ranges", id="price < 0"),
        pytest.param(
            "gold/products", every(price_min="9", price_max="8"), "ranges", id="from 9 to 8 dollars"
        ),
        pytest.param("gold/products", change_type, "schema", id="another type"),
    ],
)
def test_check_fails_on_a_broken_table(broken, key, tamper, check):
    tamper(broken.lakehouse.delta(key))

    results = broken.check(key)

    off = [name for name, found in results.items() if not found.passed]
    assert off == ([check] if check else [])


def test_ranges_check_accepts_unrated_reviews(broken):
    every(overall="NULL", unrated="true")(broken.lakehouse.delta("gold/reviews"))

    assert broken.check("gold/reviews")["ranges"].passed


def test_rejected_share_check_warns_above_its_bound(copy):
    found = copy.check("silver/rejected")["rejected_share"]
    share = found.metadata["share"].value
    rejected, lines = (found.metadata[name].value for name in ("rejected", "lines"))
    assert 0.01 < share < 0.2
    assert rejected == pytest.approx(share * lines, rel=1e-3)
    assert found.passed

    stricter = Project(copy.root, AMAZON_REVIEWS_REJECTED_PERCENT="1")
    warned = stricter.check("silver/rejected")["rejected_share"]

    assert not warned.passed
    assert warned.severity == dg.AssetCheckSeverity.WARN
    assert re.search(r"above 1 %: silver/reviews partition_\d \(\d+%\)", warned.description)


def losing(project, function, key):
    """The function, after which the first row of the table is lost."""

    def wrapped(*args, **options):
        done = function(*args, **options)
        done = list(done) if isinstance(done, Iterator) else done
        column = "review_id" if key == "gold/reviews" else "asin"
        delta = project.lakehouse.delta(key)
        rows = delta.to_pyarrow_table(columns=[column, "partition"]).to_pylist()
        lost = next(row for row in rows if row["partition"] == "partition_1")
        delta.delete(" AND ".join(f"{name} = '{value}'" for name, value in lost.items()))
        return done

    return wrapped


@pytest.mark.parametrize(
    ("key", "module", "function", "below"),
    [
        ("silver/reviews", silver_assets, "build_silver", "gold/reviews"),
        ("silver/products", silver_assets, "build_silver", "gold/products"),
        ("gold/reviews", gold_assets, "build_gold_reviews", "warehouse/reviews"),
        ("gold/products", gold_assets, "build_gold_products", "warehouse/products"),
    ],
)
def test_lost_rows_fail_the_reconciliation_and_block_the_tables_below(
    done, monkeypatch, key, module, function, below
):
    before = done.materialized(below)
    monkeypatch.setattr(module, function, losing(done, getattr(module, function), key))

    result = done.materialize(key, below, partitions=["partition_1"])

    (check,) = [found for found in result.get_asset_check_evaluations() if not found.passed]
    assert (check.asset_key.to_user_string(), check.check_name) == (key, "accounted")
    assert "partition_1" in check.description
    assert done.materialized(below) == before
    assert len(failed_steps(result)) == 1


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (key, name)
        for key, name, _ in sorted(expected_checks())
        if key.startswith("gold/") and name != "accounted"
    ],
)
def test_check_of_gold_can_be_evaluated_alone(all_done, key, name):
    assert list(all_done.check(key, names={name})) == [name]


@pytest.mark.parametrize(
    ("copied_from", "check"),
    [("partition_1", "unique"), ("partition_2", "unique"), (None, None)],
)
def test_a_changed_partition_is_judged_against_the_others(broken, copied_from, check):
    gold = broken.lakehouse.delta("gold/reviews").to_pyarrow_table()
    of = {
        name: gold.filter(pc.field("partition") == name) for name in ("partition_1", "partition_2")
    }
    new = of["partition_2"].slice(0, 5)
    if copied_from:
        first = of[copied_from].slice(0, 1)
        column = new.column_names.index("partition")
        first = first.set_column(column, "partition", new["partition"].slice(0, 1))
        new = pa.concat_tables([new, first.cast(new.schema)])
    broken.lakehouse.write(
        new, "gold/reviews", replacing={"partition": ["partition_2"]}, built={"partition_2": {}}
    )

    results = broken.check("gold/reviews")

    assert [n for n, found in results.items() if not found.passed] == ([check] if check else [])
    read = results["ranges"].metadata["rows"].value
    assert read == new.num_rows < gold.num_rows


def test_checks_that_find_nothing_new_commit_nothing(broken):
    version = broken.lakehouse.version("gold/reviews")
    broken.check("gold/reviews")

    assert broken.lakehouse.version("gold/reviews") == version
