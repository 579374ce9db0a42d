"""The splits of the Amazon Reviews 2023 benchmark, from one file and from its three files."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.models.recommender.held_out import (
    TEST_FROM,
    VALIDATION_FROM,
    by_timestamp,
    held_out,
    joined,
    last_out,
)
from amazon_reviews.serving.rating_files import read_ratings
from amazon_reviews_tests.models.interactions import interactions

HEADER = "user_id,parent_asin,rating,timestamp"


def evaluate(*arguments):
    return CliRunner().invoke(main, ["recommender", "evaluate", *map(str, arguments)])


def pairs(side):
    users, items = side.user_ids[side.users].tolist(), side.item_ids[side.items].tolist()
    return set(zip(users, items, strict=True))


def test_last_out_holds_out_the_last_two_by_milliseconds():
    sample = interactions([("a", "x"), ("a", "y"), ("a", "z"), ("b", "x"), ("b", "y"), ("c", "z")])
    splits = held_out(sample, last_out(sample, np.array([1_003, 1_001, 1_002, 5, 4, 1])))
    assert pairs(splits.validation.train) == {("a", "y")}
    assert pairs(splits.validation.test) == {("a", "z"), ("b", "y")}
    assert pairs(splits.test.train) == {("a", "y"), ("a", "z"), ("b", "y")}
    assert pairs(splits.test.test) == {("a", "x"), ("b", "x"), ("c", "z")}
    names = {group: splits.test.groups[group].tolist() for group in ("warm", "cold")}
    assert names == {"warm": [0, 1], "cold": [2]}


def test_timestamp_parts_begin_at_the_published_milliseconds():
    assert VALIDATION_FROM == 1_628_643_414_042
    assert TEST_FROM == 1_658_002_729_837
    moments = np.array([VALIDATION_FROM - 1, VALIDATION_FROM, TEST_FROM - 1, TEST_FROM])
    assert by_timestamp(moments).tolist() == [0, 1, 1, 2]


def test_joined_parts_share_ids_and_keep_a_pair_in_its_first_part():
    train = interactions([("b", "x", 1), ("c", "y", 2)])
    test = interactions([("a", "z", 3), ("b", "x", 4)])
    whole, places = joined([train, test])
    found = zip(
        whole.user_ids[whole.users], whole.item_ids[whole.items], whole.ratings, places, strict=True
    )
    assert list(found) == [("a", "z", 3, 1), ("b", "x", 1, 0), ("c", "y", 2, 0)]


@pytest.fixture
def files(tmp_path):
    """The three files of a split in which two groups of users rate the same items in turn."""
    parts = {"train": [], "valid": [], "test": []}
    for user in range(20):
        items = [f"i{(user % 2) * 8 + (user // 2 + step) % 8}" for step in range(6)]
        for step, item in enumerate(items):
            part = "test" if step == 5 else "valid" if step == 4 else "train"
            parts[part].append(f"u{user},{item},5.0,{1_600_000_000_000 + step * 1_000 + user}")
    for part, rows in parts.items():
        (tmp_path / f"X.{part}.csv").write_text("\n".join([HEADER, *rows]))
    return tmp_path


def untimed(figures):
    return {
        key: untimed(value) if isinstance(value, dict) else value
        for key, value in figures.items()
        if not key.endswith("seconds")
    }


def test_split_files_are_used_as_they_are(files):
    whole = files / "whole" / "X.csv"
    whole.parent.mkdir()
    parts = [files / f"X.{part}.csv" for part in ("test", "train", "valid")]
    rows = [row for part in parts for row in part.read_text().splitlines()[1:]]
    whole.write_text("\n".join([HEADER, *rows]))
    results = [
        evaluate(*arguments, "--methods", "bm25")
        for arguments in (parts, [files], [whole, "--split", "last-out"])
    ]
    assert [result.exit_code for result in results] == [0, 0, 0], results
    figures = [untimed(json.loads(result.stdout)["bm25"]) for result in results]
    assert figures[0] == figures[1] == figures[2]
    assert figures[0]["users"] == figures[0]["validation"]["users"] == 20
    assert figures[0]["recall@5"] == figures[0]["validation"]["recall@5"] == 1
    assert "X.valid.csv: CSV with a header, user from user_id, item from" in results[0].stderr


def test_pairs_of_two_files_are_counted_and_not_tested(files):
    with (files / "X.test.csv").open("a") as file:
        file.write("\nu0,i0,5.0,1700000000000")
    result = evaluate(files, "--methods", "popularity")
    assert json.loads(result.stdout)["popularity"]["users"] == 20
    assert "1 left out: user and item are in an earlier file too" in result.stderr


def test_timestamp_split_without_validation_is_null(tmp_path):
    path = tmp_path / "X.csv"
    rows = [f"u{k},i{k % 3},5,{TEST_FROM + k - 5}" for k in range(9)]
    path.write_text("\n".join([HEADER, *rows]))
    result = evaluate(path, "--split", "timestamp", "--methods", "popularity")
    figures = json.loads(result.stdout)["popularity"]
    assert (figures["users"], figures["validation"]) == (4, None)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["X.train.csv", "X.test.csv"], "one file *.valid.csv is needed, there is: none"),
        (["X.train.csv", "X.csv"], "X.csv is not named X.train.csv, X.valid.csv or X.test.csv"),
        (["X.train.csv", "Y.valid.csv", "X.test.csv"], "are not parts of the same ratings"),
        (["X.test.csv", "--split", "last-out"], "only the test part has interactions"),
        (["", "--split", "temporal"], "the files are split already; leave the option out"),
        (["", "--columns", "user,item"], "--columns needs each of user, item, rating, timestamp"),
    ],
)
def test_unusable_parts_exit_with_2(files, names, message):
    (files / "X.csv").write_text("")
    (files / "Y.valid.csv").write_bytes((files / "X.valid.csv").read_bytes())
    if names[0] == "":
        (files / "Y.valid.csv").unlink()
    paths = [files / name if name.endswith(".csv") or not name else name for name in names]
    result = evaluate(*paths)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_last_out_of_the_real_ratings_is_the_published_test_file():
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    data = Path(folder, "formats", "amazon2023")
    ratings = read_ratings(data / "benchmark_ratings" / "All_Beauty.csv")
    parts = last_out(ratings.interactions, ratings.milliseconds)
    splits = held_out(ratings.interactions, parts)
    with (data / "benchmark_history" / "All_Beauty.test.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert pairs(splits.test.test) == {(row["user_id"], row["parent_asin"]) for row in rows}
    assert pairs(splits.validation.test) == {
        (row["user_id"], row["history"].split()[-1]) for row in rows if row["history"]
    }
    assert len(splits.test.train) == sum(len(row["history"].split()) for row in rows)
