"""`amazon-reviews recommender evaluate`: output and errors."""

import csv
import json
import random

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.models.recommender.names import names_without_products
from amazon_reviews.serving.rating_files import read_ratings
from amazon_reviews_tests.models.interactions import DAY, blocks, tastes


def evaluate(*arguments):
    return CliRunner().invoke(main, ["recommender", "evaluate", *map(str, arguments)])


def usage_error(result):
    """Return the single line on stderr of a command that exited with 2."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def write_csv(path, sample, order=None):
    rows = list(
        zip(
            sample.user_ids[sample.users],
            sample.item_ids[sample.items],
            sample.ratings,
            sample.times,
            strict=True,
        )
    )
    if order is not None:
        random.Random(order).shuffle(rows)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("user", "item", "rating", "timestamp"), *rows])
    return path


@pytest.fixture
def ratings(tmp_path):
    return write_csv(tmp_path / "ratings.csv", tastes(120, 40))


@pytest.mark.parametrize("split", ["temporal", "leave-last-out"])
def test_evaluate_prints_figures_of_all_methods(ratings, split):
    result = evaluate(ratings, "--split", split)
    assert result.exit_code == 0, result.output
    by_method = json.loads(result.stdout)
    assert list(by_method) == list(names_without_products())
    for name, figures in by_method.items():
        for key in ("recall@10", "ndcg@10", "hit_rate@10", "map@10", "coverage@10"):
            assert 0 <= figures[key] <= 1
        assert figures["fit_seconds"] > 0
        assert (figures["rmse"] is None) == (name not in ("als", "als_balanced", "svd"))
        assert (figures["mae"] is None) == (figures["rmse"] is None)
    groups = {"temporal": {"warm", "cold"}, "leave-last-out": {"own_day", "same_day"}}
    assert set(by_method["hybrid"]["groups"]) == groups[split]


def test_evaluate_ranks_the_withheld_item_of_blocks_first(tmp_path):
    sample = blocks()
    last = [(f"u{k:02}", f"i{k:02}", 5, 30 * DAY) for k in range(40)]
    path = write_csv(tmp_path / "ratings.csv", sample)
    with path.open("a", newline="") as file:
        csv.writer(file).writerows(last)
    methods = "user_neighbours,item_cosine,bm25,ease,ials,hybrid,popularity"
    result = json.loads(evaluate(path, "--methods", methods).stdout)
    popular = result.pop("popularity")
    assert popular["ndcg@5"] < 0.6
    assert all(figures["ndcg@5"] == 1 for figures in result.values()), result


def test_evaluate_does_not_depend_on_the_order_of_rows(tmp_path):
    sample = tastes(60, 30)
    texts = []
    for order in (None, 1, 2):
        path = write_csv(tmp_path / "ratings.csv", sample, order)
        result = json.loads(evaluate(path, "--split", "leave-last-out", "--methods", "bm25").stdout)
        texts.append({k: v for k, v in result["bm25"].items() if not k.endswith("seconds")})
    assert texts[0] == texts[1] == texts[2]


def test_evaluate_reads_columns_in_any_order_and_dates(tmp_path):
    path = tmp_path / "ratings.csv"
    rows = ["\ufeffTimestamp,note,item,User,rating"]
    for user in range(8):
        rows += [f"2018-05-0{day + 1}T10:00:00,x,i{(user + day) % 5},u{user},4" for day in range(3)]
    path.write_text("\n".join(rows) + "\n\n", encoding="utf-8")
    result = evaluate(path, "--methods", "popularity")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["popularity"]["users"] == 8


def test_evaluate_reads_timestamps_in_milliseconds(tmp_path):
    rows = [(u, i, 5, 1_500_000_000 + (u * 7 + i) % 9 * 40_000) for u in range(9) for i in range(4)]
    days = []
    for scale in (1, 1000):
        path = tmp_path / "ratings.csv"
        lines = [f"{u},{i},{r},{t * scale}" for u, i, r, t in rows]
        path.write_text("\n".join(["user,item,rating,timestamp", *lines]))
        result = evaluate(path, "--split", "leave-last-out", "--methods", "popularity")
        days.append(json.loads(result.stdout)["popularity"]["groups"])
    assert days[0] == days[1]


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        (["1.0", "20.0"], ["1", "20"]),
        (["1.0", "2"], ["1.0", "2"]),
        (["1.0", "a.0"], ["1.0", "a.0"]),
    ],
)
def test_ids_are_read_without_decimals_if_all_are_whole_numbers(tmp_path, users, expected):
    path = tmp_path / "ratings.csv"
    rows = [f"{place},{user},i{place},5.0,1" for place, user in enumerate(users)]
    path.write_text("\n".join([",user,item,rating,timestamp", *rows]))

    assert read_ratings(path).interactions.user_ids.tolist() == sorted(expected)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,x,five,1", "rating 'five' is not a number"),
        ("a,x,nan,1", "rating 'nan' is not a number"),
        ("a,x,,1", "rating '' is not a number"),
        ("a,x,1_0,1", "rating '1_0' is not a number"),
        ("a,x,5,yesterday", "timestamp 'yesterday' is neither"),
        ("a,x,5,inf", "timestamp 'inf' is not a number of seconds"),
        ("a,x,5,", "timestamp '' is neither"),
        (",x,5,1", "user is empty"),
        ("a, ,5,1", "item is empty"),
        ("a" * 65 + ",x,5,1", "user has 65 characters, at most are 64"),
        ("a,x,5", "3 fields, the first line has 4"),
        ("a,x,5,1,9", "5 fields, the first line has 4"),
    ],
)
def test_invalid_row_exits_with_2_and_names_its_line(tmp_path, row, message):
    path = tmp_path / "ratings.csv"
    path.write_text(f"user,item,rating,timestamp\nb,y,4,2\n{row}\n")
    line = usage_error(evaluate(path))
    assert f"{path}, line 3: " in line
    assert message in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (
            b"user,item,stars\na,b,5\n",
            "no column timestamp: its first line is 'user,item,stars'. Known",
        ),
        (b"user,item,rating,timestamp\n", "has no ratings"),
        (b"user,item,rating,timestamp\na,\xe4,5,1\n", "line 2 is not UTF-8"),
        (
            b"user,item,rating,timestamp\na,x,5,1\nb,y,5,1\n",
            "all interactions are of one moment",
        ),
    ],
)
def test_unusable_file_exits_with_2_and_a_reason(tmp_path, content, message):
    path = tmp_path / "ratings.csv"
    path.write_bytes(content)
    line = usage_error(evaluate(path))
    assert str(path) in line
    assert message in line


def test_unknown_methods_splits_and_files_exit_with_2(ratings, tmp_path):
    assert "magic is not a method; use some of popularity," in usage_error(
        evaluate(ratings, "--methods", "bm25,magic")
    )
    assert "content_words needs to know the products" in usage_error(
        evaluate(ratings, "--methods", "content_words")
    )
    assert "nothing is not a method" in usage_error(evaluate(ratings, "--methods", ""))
    assert evaluate(ratings, "--split", "random").exit_code == 2
    assert "cannot be read" in usage_error(evaluate(tmp_path / "nothing.csv"))
