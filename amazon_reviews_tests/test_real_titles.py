"""Real catalogues, compared with results of the streaming-titles recommender."""

import csv
import gzip
import os
import shutil
from pathlib import Path

import pytest

from amazon_reviews.pipeline.datasets import TITLE_RATINGS, TITLES
from amazon_reviews.pipeline.titles import build_gold_titles, build_title_actors
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import build_silver_all, rows

SIZES = {"amazon": 9_668, "disney": 1_450, "hulu": 3_073, "netflix": 8_807}


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    return Path(folder)


def read(file):
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def lakehouse(tmp_path_factory, spark, data):
    """Gold of the real catalogues, with the real mean of each title as a single rating."""
    root = tmp_path_factory.mktemp("real")
    shutil.copytree(data / "titles", root / "landing" / "titles")
    ratings = root / "landing" / "title_ratings" / "1.csv"
    ratings.parent.mkdir()
    means = read(data / "reference" / "title_mean_scores.csv.gz")
    lines = [f"1,{row['mean_score']},1425941529,{row['id']}\n" for row in means]
    ratings.write_text("userId,rating,timestamp,movieId\n" + "".join(lines))
    landing = LandingZone(location=str(root / "landing"))
    lakehouse = Lakehouse(location=str(root / "lakehouse"))
    done = build_silver_all(spark, landing, lakehouse, TITLES)
    assert {name: report.kept for name, report in done.items()} == SIZES
    assert not any(report.rejected for report in done.values())
    assert build_silver_all(spark, landing, lakehouse, TITLE_RATINGS)["1"].kept == 22_998
    assert build_gold_titles(spark, lakehouse).kept == 22_998
    build_title_actors(spark, lakehouse)
    return lakehouse


def misplaced(data):
    """Return the durations in the column of the maturity rating, by title id."""
    durations = {}
    for file in sorted((data / "titles").iterdir()):
        for row in read(file):
            if row["rating"].endswith((" min", " Season", " Seasons")):
                durations[file.name[0] + row["show_id"]] = row["rating"].split()[0]
    return durations


def test_titles_agree_with_the_source_except_for_its_faults(lakehouse, data):
    reference = {row["id"]: row for row in read(data / "reference" / "maurengit_consultas.csv.gz")}
    columns = ("id", "type", "title", "release_year", "duration_int", "duration_type")
    moved = misplaced(data)
    differing = 0

    actual = rows(lakehouse, "gold/titles", *columns)

    assert len(actual) == len(reference) == 22_998
    for title_id, kind, title, year, length, unit in actual:
        row = reference[title_id]
        # The source keeps line ends within a title.
        named = " ".join(row["title"].splitlines())
        assert (kind, title, str(year)) == (row["type"], named, row["release_year"])
        if title_id in moved:
            assert (row["duration_int"], str(length)) == ("", moved[title_id])
            differing += 1
        else:
            assert ("" if length is None else str(length)) == row["duration_int"]
            # The source distinguishes season and seasons.
            assert (unit or "") == row["duration_type"].removesuffix("s")
    assert differing == len(moved) == 295


def test_mean_ratings_agree_with_the_source_in_full_precision(lakehouse, data):
    exact = {
        row["id"]: float(row["mean_score"])
        for row in read(data / "reference" / "title_mean_scores.csv.gz")
    }
    rounded = {
        row["id"]: float(row["califPromedio"])
        for row in read(data / "reference" / "maurengit_consultas.csv.gz")
    }

    actual = rows(lakehouse, "gold/titles", "id", "mean_rating", "mean_rating_rounded")

    assert {title: mean for title, mean, _ in actual} == exact
    off = [mean for title, mean, tenth in actual if float(tenth) != rounded[title]]
    # Ties are rounded up here, and to the even digit in the source.
    assert len(off) == 3
    assert all(abs(mean * 20 - round(mean * 20)) < 1e-9 for mean in off)


def test_known_figures_of_the_catalogues_are_reproduced(lakehouse):
    table = lakehouse.delta("gold/titles").to_pyarrow_table().to_pylist()
    hulu = [
        row
        for row in table
        if (row["platform"], row["release_year"], row["duration_type"]) == ("hulu", 2019, "min")
    ]
    assert max(hulu, key=lambda row: row["duration_int"])["title"] == "the traitor"
    netflix = [
        row["type"]
        for row in table
        if (row["platform"], row["release_year"]) == ("netflix", 2019) and row["mean_rating"] > 3
    ]
    assert (netflix.count("movie"), len(netflix)) == (633, 1_030)
    amazon = [row["type"] for row in table if row["platform"] == "amazon"]
    assert (amazon.count("movie"), len(amazon)) == (7_814, 9_668)
    actors = [
        actor
        for platform, year, actor in rows(
            lakehouse, "gold/title_actors", "platform", "release_year", "actor"
        )
        if (platform, year) == ("disney", 2018)
    ]
    best = max(set(actors), key=actors.count)
    assert (best, actors.count(best)) == ("sam peltz", 3)


def test_missing_dates_and_maturity_ratings_have_the_known_number(lakehouse):
    table = lakehouse.delta("gold/titles").to_pyarrow_table().to_pylist()

    undated = [row["platform"] for row in table if row["date_added"] is None]
    assert {name: undated.count(name) for name in SIZES} == {
        "amazon": 9_513,
        "disney": 3,
        "hulu": 28,
        "netflix": 10,
    }
    assert sum(row["rating_imputed"] for row in table) == 337 + 3 + 520 + 292 + 4 + 3
    assert not any("min" in row["rating"] or "season" in row["rating"] for row in table)
