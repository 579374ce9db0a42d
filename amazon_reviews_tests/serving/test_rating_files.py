"""Files of ratings: every layout gives the same ratings, and a file in doubt is an error."""

import bz2
import gzip
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from amazon_reviews.errors import InputFileError
from amazon_reviews.serving.rating_files import read_ratings

RATINGS = [
    ("A2XYZ0000000B", "B00000000X", 4.0, 1_000_000_000),
    ("A1XYZ0000000A", "0205616461", 2.5, 1_000_086_400),
    ("A1XYZ0000000A", "B00000000X", 5.0, 1_000_172_800),
]


def written(ratings):
    """Return user, item, stars and seconds, by user and item."""
    return [
        (str(ratings.user_ids[user]), str(ratings.item_ids[item]), float(stars), int(time))
        for user, item, stars, time in zip(
            ratings.users, ratings.items, ratings.ratings, ratings.times, strict=True
        )
    ]


def rows(order, delimiter=",", scale=1, ratings=RATINGS, extra=""):
    """Return lines with the fields in an order such as "iurt"."""
    return [
        delimiter.join({"u": u, "i": i, "r": str(r), "t": str(t * scale)}[key] for key in order)
        + extra
        for u, i, r, t in ratings
    ]


@pytest.mark.parametrize(
    "lines",
    [
        ["user_id,parent_asin,rating,timestamp", *rows("uirt", scale=1_000)],
        ["user_id,parent_asin,rating,timestamp,history", *rows("uirt", extra=",B1 B2")],
        ["UserId,ProductId,Rating,Timestamp", *rows("uirt")],
        ["asin,reviewerID,rating,timestamp", *rows("iurt")],
        ["userId,movieId,rating,timestamp", *rows("uirt")],
        ["Time;Score;UserId;ProductId", *rows("trui", ";")],
        rows("iurt"),
        rows("uirt"),
        rows("uirt", "\t"),
        rows("uirt", "::"),
        rows("iurt", extra=",more"),
    ],
    ids=str,
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_layout_gives_the_same_ratings(tmp_path, lines, end):
    path = tmp_path / "ratings"
    path.write_text("\ufeff" + end.join(lines) + end, encoding="utf-8", newline="")
    assert written(read_ratings(path).interactions) == sorted(RATINGS)


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, zstd])
def test_compressed_files_are_read_and_truncated_ones_named(tmp_path, compress):
    path = tmp_path / "ratings.csv"
    content = compress("\n".join(rows("iurt")).encode())
    path.write_bytes(content + compress(b"\n") if compress is not zstd else content)
    assert written(read_ratings(path).interactions) == sorted(RATINGS)
    path.write_bytes(content[:-12])
    with pytest.raises(InputFileError, match=f"{path} breaks off after line"):
        read_ratings(path)


@pytest.mark.parametrize("delimiter", ["\t", "::"])
def test_numbers_without_a_header_are_user_and_item_in_the_files_of_movielens(tmp_path, delimiter):
    path = tmp_path / "u.data"
    path.write_text(delimiter.join(["196", "0242", "3", "881250949"]))
    ratings = read_ratings(path).interactions
    assert (ratings.user_ids.tolist(), ratings.item_ids.tolist()) == (["196"], ["0242"])


@pytest.mark.parametrize(
    "lines",
    [
        ["1,31,2.5,1260759144"],
        ["anna\tshoe\t2.5\t1260759144"],
        ["A1XYZ0000000A,A2XYZ0000000B,5,1"],
        ["B00000000X,B00000000Y,5,1"],
    ],
)
def test_columns_in_doubt_are_an_error_that_the_option_resolves(tmp_path, lines):
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join(lines))
    first, second = lines[0].replace("\t", ",").split(",")[:2]
    with pytest.raises(InputFileError) as caught:
        read_ratings(path)
    for reading in (
        f"user {first} and item {second}",
        f"item {first} and user {second}",
        "--columns user,item,rating,timestamp",
    ):
        assert reading in str(caught.value)
    ratings = read_ratings(path, ["item", "user", "rating", "timestamp"]).interactions
    assert (ratings.item_ids.tolist(), ratings.user_ids.tolist()) == ([first], [second])


def test_columns_of_a_file_with_an_unknown_header(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("who,note,what,points,when\na,-,x,5,1\n")
    with pytest.raises(InputFileError, match="no known file of ratings: its first line is 'who,n"):
        read_ratings(path)
    columns = ["user", "-", "item", "rating", "timestamp"]
    ratings = read_ratings(path, columns)
    assert written(ratings.interactions) == [("a", "x", 5, 1)]
    assert "user from who" in ratings.summary
    assert "not read: note" in ratings.summary
    with pytest.raises(InputFileError, match="has not the 4 columns of --columns"):
        read_ratings(path, columns[:1] + columns[2:])


def test_unrated_and_repeated_rows_are_counted(tmp_path):
    path = tmp_path / "ratings.csv"
    lines = [
        "user,item,rating,timestamp",
        "a,x,0,9",
        "a,x,4,1",
        "a,x,3,2",
        "b,y,0.0,1",
        "b,x,0.5,1",
    ]
    path.write_text("\n".join(lines))
    ratings = read_ratings(path)
    assert written(ratings.interactions) == [("a", "x", 3, 2), ("b", "x", 0.5, 1)]
    assert "5 rows, 2 skipped as unrated (rating 0), 1 replaced by a later" in ratings.summary
    path.write_text("user,item,rating,timestamp\na,x,0,9\n")
    with pytest.raises(InputFileError, match="has no ratings but 0"):
        read_ratings(path)


def test_milliseconds_are_kept_beside_seconds(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("user,item,rating,timestamp\na,x,5,1547589356557\na,y,5,1.52309e+12\n")
    ratings = read_ratings(path)
    assert ratings.milliseconds.tolist() == [1_547_589_356_557, 1_523_090_000_000]
    assert ratings.interactions.times.tolist() == [1_547_589_356, 1_523_090_000]


def test_a_line_without_end_is_an_error(tmp_path):
    path = tmp_path / "ratings.csv.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"user,item,rating,timestamp\n")
        for _ in range(5):
            file.write(b"a" * (1 << 20))
    with pytest.raises(InputFileError, match="line 2 is longer than 4 MiB"):
        read_ratings(path)


REAL = {
    "ratings/amazon2018_Magazine_Subscriptions.csv": (546, 305, 0),
    "ratings/movielens_ratings.csv": (2_564, 304, 0),
    "ratings/movielens_u.data": (3_073, 697, 1),
    "amazon2023/benchmark_ratings/All_Beauty.csv": (2_535, 1_413, 0),
    "amazon2023/benchmark_history/All_Beauty.test.csv": (253, 123, 0),
    "amazon2023/benchmark_history/All_Beauty.test.csv.gz": (253, 123, 0),
}


@pytest.mark.parametrize(("name", "facts"), REAL.items())
def test_real_files_have_the_published_numbers_of_ratings(name, facts):
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    ratings = read_ratings(Path(folder, "formats", name))
    found, fives, unrated = facts
    assert ratings.interactions.counts.sum() == found
    assert (
        np.repeat(ratings.interactions.ratings, ratings.interactions.counts) == 5
    ).sum() == fives
    assert f" {unrated:,} skipped" in ratings.summary
