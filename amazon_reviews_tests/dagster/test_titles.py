"""Streaming titles from landing to gold, the warehouse and the files, as Dagster runs them."""

import gzip
import shutil
from pathlib import Path

import duckdb
import pytest
from deltalake import write_deltalake

from amazon_reviews.defs.landing_sensor import landing_sensor
from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews_tests.dagster.project import TITLES, Project, copy_first_row, requested
from amazon_reviews_tests.helpers import content, rows

SMALL = SampleOptions(
    reviews=1,
    products=1,
    users=20,
    partitions=1,
    events=0,
    titles=60,
    title_ratings=400,
    duplicates_within=0.05,
    duplicates_across=0.05,
)
BAD_TITLES = {
    "missing_field": "s900,Movie,",
    "not_an_object": "s901,Movie,A,,,,,2020,,50 min,,,one too many",
    "wrong_type": "s902,Movie,A,,,,,soon,,50 min,,",
    "out_of_range": "s903,Book,A,,,,,2020,,50 min,,",
}
BAD_RATINGS = {"out_of_range": "1,7,5,hs1", "wrong_type": "1,good,5,hs1", "missing_field": "1,4,5"}
PLATFORMS = ["amazon", "disney", "hulu", "netflix"]


def refuse(path, expected, records):
    """Add records that must be refused for these reasons, and expect that."""
    content = (
        gzip.decompress(path.read_bytes()) + "".join(f"{r}\n" for r in records.values()).encode()
    )
    path.write_bytes(gzip.compress(content))
    expected["rejected"] = dict.fromkeys(records, 1)
    expected["lines"] += len(records)


@pytest.fixture(scope="module")
def made(tmp_path_factory, spark):
    """A project whose titles are up to date, to be read only, with the truth of its sample."""
    root = tmp_path_factory.mktemp("titles")
    truth = generate(SMALL, root / "landing")
    project = Project(root)
    refuse(titles_file(project, "hulu"), truth["titles"]["hulu"], BAD_TITLES)
    ratings = root / "landing" / "title_ratings" / "2.csv.gz"
    refuse(ratings, truth["title_ratings"]["2"], BAD_RATINGS)
    assert not project.run(TITLES).failures
    return project, truth


@pytest.fixture
def changed(made, tmp_path):
    """A copy of it that may be changed."""
    shutil.copytree(made[0].root, tmp_path, dirs_exist_ok=True)
    project = Project(tmp_path)
    project.add_partitions("title_ratings", "1", "2")
    project.report(made[0])
    return project


def titles_file(project, name):
    return Path(project.settings.landing) / "titles" / f"{name}_titles.csv.gz"


def test_reconciliation_equals_the_truth(made):
    project, truth = made

    books = {(a.layer, a.table, a.partition): a for a in reconcile_all(project.lakehouse)}

    for noun in ("titles", "title_ratings"):
        for name, expected in truth[noun].items():
            account = books["silver", noun, name]
            assert account.balanced
            assert (account.lines, account.kept, account.duplicates, account.rejected) == (
                expected["lines"],
                expected["distinct"],
                expected["duplicates_within"],
                sum(expected["rejected"].values()),
            )
    assert sum(books["gold", "titles", name].kept for name in PLATFORMS) == truth["gold"]["titles"]


def test_rejected_records_have_the_reasons_of_the_truth(made):
    project, truth = made

    found = rows(project.lakehouse, "silver/rejected", "table", "partition", "reason")

    for noun in ("titles", "title_ratings"):
        for name, expected in truth[noun].items():
            reasons = [reason for table, part, reason in found if (table, part) == (noun, name)]
            assert {r: reasons.count(r) for r in reasons} == expected["rejected"]


def test_gold_counts_every_rating_once(made):
    project, truth = made

    gold = project.lakehouse.delta("gold/titles").to_pyarrow_table()
    silver = project.lakehouse.delta("silver/title_ratings").to_pyarrow_table()

    assert gold.num_rows == truth["gold"]["titles"]
    assert sum(gold["ratings"].to_pylist()) == truth["gold"]["title_ratings"] < silver.num_rows
    own = duckdb.sql(
        "SELECT title_id, avg(rating) AS mean, count(*) AS n FROM (SELECT DISTINCT user_id, "
        "title_id, rating, rated_at FROM silver) GROUP BY 1"
    ).fetchall()
    means = dict(zip(gold["id"].to_pylist(), gold["mean_rating"].to_pylist(), strict=True))
    assert {title: means[title] for title, _, _ in own} == {t: mean for t, mean, _ in own}


def test_warehouse_and_files_have_the_same_titles(made):
    project, truth = made
    folder = project.settings.titles

    warehouse = project.settings.warehouse.removeprefix("duckdb:///")
    with duckdb.connect(warehouse, read_only=True) as connection:
        (counts,) = connection.sql(
            "SELECT count(*), sum(len(actors)), (SELECT count(*) FROM gold.title_actors) "
            "FROM gold.titles"
        ).fetchall()
    assert counts[0] == truth["gold"]["titles"]
    assert counts[1] == counts[2] > 0
    exported = duckdb.sql(f"SELECT id, mean_rating FROM '{folder}/titles.parquet'").fetchall()
    assert sorted(exported, key=repr) == rows(project.lakehouse, "gold/titles", "id", "mean_rating")
    assert "Streaming titles" in (folder / "report.html").read_text()


def test_unchanged_catalogues_are_not_built_again(changed):
    assert changed.run(TITLES).nothing_new
    before = changed.versions()
    hulu = titles_file(changed, "hulu")
    text = gzip.decompress(hulu.read_bytes()).decode()
    hulu.write_bytes(gzip.compress(f"{text}s900,Movie,New,,,,,2020,,50 min,,\n".encode()))

    outcome = changed.run(TITLES)

    assert not outcome.failures
    made = {stage.name: stage.partitions for stage, _ in outcome.stages}
    assert made["bronze/titles"] == made["silver/titles"] == ("hulu",)
    assert "silver/title_ratings" not in made
    assert changed.versions()["gold/titles"] > before["gold/titles"]
    assert ("hs900",) in rows(changed.lakehouse, "gold/titles", "id")


def test_truncated_catalogue_and_one_without_a_platform_are_named(changed):
    before = content(changed.lakehouse, "gold/titles")
    disney = titles_file(changed, "disney_plus")
    disney.write_bytes(disney.read_bytes()[:-9])
    (disney.parent / "other_titles.csv").write_text("show_id,type,title\ns1,Movie,A\n")

    outcome = changed.run(TITLES)

    assert any("disney_plus_titles.csv.gz cannot be read" in said for said in outcome.failures)
    assert any("titles/other_titles.csv is not read" in text for text in outcome.warnings)
    assert content(changed.lakehouse, "gold/titles") == before


def test_sensor_requests_catalogues_and_files_of_ratings(made, tmp_path):
    shutil.copytree(made[0].root / "landing", tmp_path / "landing")
    for folder in ("amazon_reviews", "amazon_metadata"):
        shutil.rmtree(tmp_path / "landing" / folder)
    (tmp_path / "landing" / "title_ratings" / "not a name.csv").write_text("")
    project = Project(tmp_path)

    result = project.tick(landing_sensor)

    assert requested(result.run_requests) == [
        "bronze/titles amazon..netflix",
        "bronze/title_ratings 1..2",
    ]
    assert all(project.execute(request).success for request in result.run_requests)
    assert project.materialized("bronze/titles") == dict.fromkeys(PLATFORMS, 1)
    later = project.tick(landing_sensor, result.cursor)
    assert not later.run_requests
    assert "title_ratings/not a name.csv is not read" in later.skip_message


def no_ratings(delta):
    delta.update(updates={"ratings": "0"}, predicate="id = 'as1'")


def high_rating(delta):
    delta.update(updates={"mean_rating": "5.5", "ratings": "1"}, predicate="id = 'as1'")


def fewer_columns(delta):
    rows = delta.to_pyarrow_table().drop_columns(["country"])
    write_deltalake(delta, rows, mode="overwrite", schema_mode="overwrite")


@pytest.mark.parametrize(
    ("tamper", "check"),
    [
        (copy_first_row, "unique"),
        (no_ratings, "ranges"),
        (high_rating, "ranges"),
        (fewer_columns, "schema"),
    ],
)
def test_check_fails_on_broken_titles(changed, tamper, check):
    names = {"unique", "ranges", "schema"}
    assert all(found.passed for found in changed.check("gold/titles", names=names).values())

    tamper(changed.lakehouse.delta("gold/titles"))

    results = changed.check("gold/titles", names=names)
    assert [name for name, found in results.items() if not found.passed] == [check]


def test_a_project_without_titles_has_empty_tables(empty):
    outcome = empty.run(TITLES)

    assert not outcome.failures
    assert rows(empty.lakehouse, "gold/titles", "id") == []
    assert (empty.settings.titles / "report.html").is_file()
    assert empty.run(TITLES).nothing_new
