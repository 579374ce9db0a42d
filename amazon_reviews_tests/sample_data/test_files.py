"""The files of a sample: their layout, replacement of an earlier sample, progress, options."""

import gzip
import json
import os
import shutil

import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews_tests.sample_data.counting import digest, partitions


def test_sample_has_the_folders_and_file_names_of_the_source(sample):
    out, _ = sample
    assert {path.name for path in out.iterdir()} == {
        *("amazon_reviews", "amazon_metadata", "events", "titles", "title_ratings", "truth.json")
    }
    folders = partitions(out / "amazon_reviews")
    assert [folder.name for folder in folders] == [f"partition_{n}" for n in range(1, 13)]
    for folder in folders:
        names = sorted(path.name for path in folder.iterdir())
        assert [name[:11] for name in names] == ["part-00000-", "part-00001-"]
        assert all(name.endswith("-c000.json.gz") for name in names)


def test_some_files_end_with_a_blank_line(sample):
    out, _ = sample
    files = (out / "amazon_reviews").rglob("*.gz")
    endings = {gzip.decompress(path.read_bytes())[-2:] == b"\n\n" for path in files}
    assert endings == {True, False}


def test_same_options_give_the_same_bytes_and_another_seed_gives_others(tmp_path):
    options = SampleOptions(reviews=600, products=40, users=50, partitions=3, events=50)
    first, second = tmp_path / "first", tmp_path / "second"
    generate(options, first)
    generate(options, second)
    assert digest(first) == digest(second)
    options_of_truth = json.loads((second / "truth.json").read_text())["options"]
    generate(SampleOptions(**(options_of_truth | {"seed": 8})), second)
    assert not set(digest(first).values()) & set(digest(second).values())


def test_sample_replaces_an_earlier_sample_and_no_other_files(tmp_path):
    generate(SampleOptions(reviews=100, products=20, users=9, partitions=9, events=5), tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.csv").write_text("unchanged")
    generate(SampleOptions(reviews=50, products=20, users=9, partitions=2, events=5), tmp_path)
    assert [path.name for path in partitions(tmp_path / "amazon_reviews")] == [
        *("partition_1", "partition_2")
    ]
    assert (tmp_path / "mine" / "mine.csv").read_text() == "unchanged"


@pytest.mark.parametrize("folder", ["amazon_reviews", "amazon_metadata", "events", "titles"])
def test_folder_with_other_files_is_never_replaced(tmp_path, folder):
    options = SampleOptions(reviews=50, products=20, users=9, partitions=2, events=5)
    (tmp_path / folder / "mine").mkdir(parents=True)
    with pytest.raises(FileExistsError, match=f"{folder} contains mine"):
        generate(options, tmp_path)
    (tmp_path / folder / "mine").rmdir()
    generate(options, tmp_path)
    (tmp_path / folder / "mine").mkdir()
    before = digest(tmp_path)
    with pytest.raises(FileExistsError, match=f"{folder} contains mine"):
        generate(options, tmp_path)
    assert digest(tmp_path) == before


def test_failed_run_leaves_the_earlier_sample(tmp_path):
    options = SampleOptions(reviews=50, products=20, users=9, partitions=2, events=5)
    generate(options, tmp_path)
    before = digest(tmp_path)

    def stop(lines: int) -> None:
        raise RuntimeError(lines)

    with pytest.raises(RuntimeError):
        generate(SampleOptions(reviews=80, partitions=2), tmp_path, stop)
    assert digest(tmp_path) == before


class Killed(BaseException):
    """The end of the process."""


@pytest.mark.parametrize("steps", range(12))
def test_replacement_killed_between_two_renames_is_completed(tmp_path, monkeypatch, steps):
    tiny = {"products": 20, "users": 9, "events": 5, "titles": 10, "title_ratings": 20}
    earlier, expected = (tmp_path.with_name(f"{tmp_path.name}_{name}") for name in ("old", "new"))
    generate(SampleOptions(reviews=50, partitions=2, **tiny), tmp_path)
    shutil.copytree(tmp_path, earlier)
    generate(SampleOptions(reviews=30, partitions=3, **tiny), expected)
    left = steps

    def rename(*paths):
        nonlocal left
        if not left:
            raise Killed
        left -= 1
        rename_file(*paths)

    rename_file = os.replace
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", rename)
        with pytest.raises(Killed):
            generate(SampleOptions(reviews=30, partitions=3, **tiny), tmp_path)

    with pytest.raises(FileExistsError, match="is not empty"):
        generate(SampleOptions(**tiny), tmp_path, only_empty=True)

    assert digest(tmp_path) == digest(expected if steps else earlier)


def test_progress_reports_the_number_of_written_lines(tmp_path):
    reported = []
    options = SampleOptions(reviews=90, products=20, users=9, partitions=3, events=5)
    generate(options, tmp_path, reported.append)
    assert reported == [15, 30, 45, 60, 75, 90]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reviews": 0}, "reviews must be from 1"),
        ({"reviews": 1.5}, "reviews must be a whole number"),
        ({"products": 0}, "products must be"),
        ({"users": -1}, "users must be"),
        ({"partitions": 0}, "partitions must be"),
        ({"reviews": 5, "partitions": 6}, "partitions must be at most reviews"),
        ({"events": -1}, "events must be"),
        ({"seed": -1}, "seed must be"),
        ({"seed": True}, "seed must be"),
        ({"files_per_partition": 0}, "files_per_partition must be"),
        ({"duplicates_within": -0.1}, "duplicates_within must be"),
        ({"duplicates_across": 0.6}, "duplicates_across must be"),
        ({"malformed": float("nan")}, "malformed must be"),
        ({"unknown_fields": "x"}, "unknown_fields must be a number"),
        ({"duplicates_within": 0.3, "malformed": 0.3}, "duplicates_within . duplicates_across"),
        ({"compress": 1}, "compress must be"),
        ({"profile": "amazon_2019"}, "profile must be one of amazon_2018, amazon_2014"),
        ({"titles": -1}, "titles must be"),
        ({"titles": 0}, "title_ratings must be 0"),
    ],
)
def test_invalid_option_is_an_error_with_its_name(changes, message):
    with pytest.raises(ValueError, match=message):
        SampleOptions(**changes)
