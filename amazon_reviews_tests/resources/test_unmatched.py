"""Files and folders of the landing zone that are not read: each is named, with the reason."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.datasets import DATASETS, TITLE_RATINGS, TITLES
from amazon_reviews.resources.landing import reasons
from amazon_reviews.resources.landing.unmatched import Unmatched, UnmatchedFiles
from amazon_reviews_tests.helpers import upload, upload_bytes

DATASET = "amazon_reviews"
FOLDERS = [dataset.folder for dataset in DATASETS]


def unmatched(landing, dataset=None):
    """Return the reasons by path, of a dataset or of what is outside of the datasets."""
    if dataset is None:
        return {one.path: one.reason for one in landing.unmatched_elsewhere(FOLDERS)}
    layout = next(d.layout for d in DATASETS if d.folder == dataset)
    return {one.path: one.reason for one in landing.listing(dataset, layout).unmatched}


@pytest.fixture
def folder(landing):
    """Return the folder of a partition with one file."""
    return upload(landing, DATASET, "partition_1", "x", file="a.json").parent


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("notes.md", reasons.EXTENSION),
        ("a.json.xz", reasons.EXTENSION),
        ("json", reasons.EXTENSION),
        ("a.json.gz.gz", reasons.EXTENSION),
        ("_part.json", reasons.UNDERSCORE[0]),
        ("a.json.gz.part", reasons.UNFINISHED[0]),
        ("b.jsonl.crdownload", reasons.UNFINISHED[0]),
        ("profile.yml", reasons.SECOND_PROFILE[0]),
        (os.fsdecode(b"\xff.json"), reasons.NOT_UTF8[0]),
        ("x" * 250 + ".yaml", reasons.EXTENSION),
    ],
)
def test_file_of_a_partition_that_is_not_read_has_a_reason(landing, folder, name, reason):
    (folder / "profile.yaml").write_text("x")
    before = landing.partition(DATASET, "partition_1")
    (folder / name).write_text("x")

    assert unmatched(landing, DATASET) == {f"{DATASET}/partition_1/{name}": reason}
    assert landing.partition(DATASET, "partition_1") == before


def test_empty_file_is_not_read(landing, folder):
    for name in ("b.json", "c.json.gz", "d.md"):
        (folder / name).touch()

    assert unmatched(landing, DATASET) == {
        f"{DATASET}/partition_1/{name}": "empty file (0 bytes)"
        for name in ("b.json", "c.json.gz", "d.md")
    }


def test_only_plain_files_are_read(landing, folder, monkeypatch):
    os.mkfifo(folder / "fifo.json")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.json")
    (folder / "device.json").symlink_to("/dev/null")
    (folder / "nowhere.json").symlink_to("gone.json")
    (folder / "circle.json").symlink_to("circle.json")
    (folder / "up").symlink_to("..")
    (folder / "root").symlink_to("/")

    assert unmatched(landing, DATASET) == {
        f"{DATASET}/partition_1/{name}": reason
        for name, reason in {
            "fifo.json": "FIFO",
            "socket.json": "socket",
            "device.json": "character device",
            "nowhere.json": "link to nowhere",
            "circle.json": "link loop",
            "up": "link loop",
            "root": "link loop",
        }.items()
    }
    assert [file.name for file in landing.partition(DATASET, "partition_1").files] == ["a.json"]


def test_links_through_other_folders_end(landing, folder, tmp_path):
    landing = replace(landing, follows_links=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "back").symlink_to(folder.parent)
    (folder.parent / "partition_2").symlink_to(tmp_path / "other")

    assert unmatched(landing, DATASET) == {f"{DATASET}/partition_2/back": "link loop"}


def files_by_partition(landing):
    return {name: len(found.files) for name, found in landing.partitions(DATASET).items()}


def test_links_within_the_landing_zone_are_followed(landing, folder):
    upload(landing, "titles", "", "b", file="b.json")
    (folder / "b.json").symlink_to("../../titles/b.json")
    (folder.parent / "partition_2").symlink_to(folder)

    assert files_by_partition(landing) == {"partition_1": 2, "partition_2": 2}
    assert unmatched(landing, DATASET) == {}


def test_links_out_of_the_landing_zone_are_followed_only_where_allowed(landing, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("a.json", "b.json"):
        (other / name).write_text("b")
    (folder / "b.json").symlink_to(other / "b.json")
    (folder / "profile.yaml").symlink_to(other / "b.json")
    (folder.parent / "c.json").symlink_to(other / "b.json")
    (folder.parent / "partition_2").symlink_to("../../other")

    found = landing.listing(DATASET).unmatched
    assert found.count("link that leads out of the landing zone") == len(found) == 4
    assert {one.path for one in found} == {
        f"{DATASET}/{path}" for path in ("c.json", "partition_1/b.json", "partition_1/profile.yaml")
    }
    assert files_by_partition(landing) == {"partition_1": 1}
    assert landing.partition(DATASET, "partition_1").profile_file is None
    for name in ("partition_2", "c.json"):
        with pytest.raises(LandingError, match=rf"{name} is a link .*LANDING_LINKS=true"):
            landing.partition(DATASET, name)

    allowed = replace(landing, follows_links=True)
    assert files_by_partition(allowed) == {"partition_1": 2, "partition_2": 2, "c.json": 1}
    assert unmatched(allowed, DATASET) == {}


def test_dataset_whose_folder_leads_out_of_the_landing_zone_is_an_error(landing, tmp_path):
    (tmp_path / "other").mkdir()
    Path(landing.location, DATASET).symlink_to(tmp_path / "other")

    assert unmatched(landing) == {DATASET: "link that leads out of the landing zone"}
    with pytest.raises(LandingError, match=r"leads out of the landing zone: .*LANDING_LINKS=true"):
        landing.partitions(DATASET)


def test_landing_zone_may_be_a_link_itself(landing, folder, tmp_path):
    (tmp_path / "link").symlink_to(landing.location)
    assert files_by_partition(replace(landing, location=str(tmp_path / "link"))) == {
        "partition_1": 1
    }


def test_folders_that_are_not_read_are_named_once(landing, folder):
    for number in range(9):
        upload(landing, DATASET, f"partition_1/below/{number % 3}", "x", file=f"{number}.json")
        upload(landing, DATASET, f"_hidden/{number % 3}", "x", file=f"{number}.json")
    (folder.parent / "partition_2" / "x.json").mkdir(parents=True)
    (folder.parent / "partition_3").mkdir()
    (folder.parent / "partition_3" / "_SUCCESS").touch()

    assert unmatched(landing, DATASET) == {
        f"{DATASET}/partition_1/below": "sub-folder of a partition",
        f"{DATASET}/_hidden": "name with a leading underscore",
        f"{DATASET}/partition_2/x.json": "folder without files",
        f"{DATASET}/partition_3": "folder without files",
    }
    assert list(landing.partitions(DATASET)) == ["partition_1"]


def test_markers_are_left_out_without_a_report(landing, folder):
    for name in ("_SUCCESS", "a.json.crc", ".b.json.tmp", "Thumbs.db", "_committed_1"):
        (folder / name).touch()
        (folder.parent / name).touch()
        (folder.parent.parent / name).touch()
    upload(landing, DATASET, "_temporary/0", "x")
    upload(landing, DATASET, ".staging", "x")

    assert unmatched(landing, DATASET) == unmatched(landing) == {}
    assert list(landing.partitions(DATASET)) == ["partition_1"]


def test_files_of_the_other_layout_are_named(landing):
    for name in ("netflix_titles.CSV", "netflix_titles.tsv", "other.csv", "hulu_titles.csv"):
        upload_bytes(landing, "titles", "", b"x", name)
    upload_bytes(landing, "titles", "2023/08", b"x", "netflix_titles.csv")
    upload_bytes(landing, "title_ratings", "", b"x", "not a name.csv")

    assert unmatched(landing, "titles") == {
        "titles/netflix_titles.CSV": reasons.EXTENSION,
        "titles/netflix_titles.tsv": reasons.EXTENSION,
        "titles/other.csv": "name that makes no partition",
        "titles/2023": "sub-folder, where files are side by side",
    }
    assert unmatched(landing, "title_ratings") == {
        "title_ratings/not a name.csv": "name that makes no partition"
    }
    assert list(landing.partitions("titles", TITLES.layout)) == ["hulu"]
    assert landing.partitions("title_ratings", TITLE_RATINGS.layout) == {}


def test_what_is_outside_of_the_datasets_is_named_with_the_nearest_dataset(landing, folder):
    root = Path(landing.location)
    for name in ("All_Beauty.jsonl.gz", "truth.json", "profile.yaml"):
        (root / name).write_text("x")
    for name in ("reviews", "Amazon-Metadata", "backup", "events", "titles"):
        (root / name).mkdir()
        (root / name / "x.json").write_text("x")
    (root / "pipe").symlink_to("nowhere")

    found = {one.path: (one.reason, one.advice) for one in landing.unmatched_elsewhere(FOLDERS)}

    outside, unknown = (
        "file outside the folders of the datasets",
        "folder that is not the folder of a dataset",
    )
    assert {path: reason for path, (reason, _) in found.items()} == {
        "All_Beauty.jsonl.gz": outside,
        "profile.yaml": outside,
        "reviews": unknown,
        "Amazon-Metadata": unknown,
        "backup": unknown,
        "pipe": "link to nowhere",
    }
    assert found["All_Beauty.jsonl.gz"][1].startswith("move it into a folder of its dataset")
    assert found["reviews"][1] == "rename it to amazon_reviews"
    assert found["Amazon-Metadata"][1] == "rename it to amazon_metadata"
    assert found["backup"][1].startswith("move it into one of amazon_reviews, amazon_metadata")


def test_captured_files_are_known_by_their_extension(landing):
    upload_bytes(landing, "event_hubs_capture", "ns/hub/0/2023/08/01/00/00", b"x", "00.avro")
    upload_bytes(landing, "event_hubs_capture", "ns/hub/0/2023/08/01/00/00", b"x", "00.json")

    assert unmatched(landing) == {
        "event_hubs_capture/ns/hub/0/2023/08/01/00/00/00.json": reasons.NOT_AVRO[0]
    }


def test_many_files_are_one_line_with_the_first_as_examples():
    files = UnmatchedFiles()
    for number in range(100_000, 0, -1):
        files.add(Unmatched(f"amazon_reviews/{number:06}\n.md", reasons.EXTENSION, "convert it"))
    files.add(Unmatched("a.md", reasons.EXTENSION, "convert it"))
    other = UnmatchedFiles()
    other.update(files)
    other.add(Unmatched("b", *reasons.EMPTY))

    assert len(other) == 100_002
    assert other.count(reasons.EXTENSION) == 100_001
    assert other.lines() == [
        "b is not read: empty file (0 bytes); upload it again, or remove it",
        r"a.md, amazon_reviews/000001\n.md, amazon_reviews/000002\n.md and 99,998 more are not "
        "read: unknown extension; convert it",
    ]
    assert len([*other]) == 4
