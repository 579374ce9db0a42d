"""The landing zone: partitions, files, and fingerprints of changes."""

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from amazon_reviews.errors import LandingError
from amazon_reviews.resources.landing.layout import LandingFile
from amazon_reviews.resources.landing.names import natural_order
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import upload, upload_bytes

DATASET = "amazon_reviews"


def fingerprint(landing, name="partition_1"):
    return landing.partition(DATASET, name).fingerprint


@pytest.fixture
def folder(landing):
    """Return the folder of a partition with two files."""
    upload(landing, DATASET, "partition_1", "a", file="a.json")
    return upload(landing, DATASET, "partition_1", "b", file="b.json.gz").parent


@pytest.mark.parametrize(
    "ordered",
    [
        ["partition_2", "partition_10", "partition_100"],
        ["partition_1", "partition_1a", "partition_1b", "partition_2"],
        ["partition_2018-9-30", "partition_2018-10-2", "partition_2019-1-1"],
        ["partition_1.2", "partition_1.10"],
        ["partition_01", "partition_1", "partition_02", "partition_2"],
        ["partition_9", "partition_99999999999999999999", "partition_a"],
        [],
    ],
)
def test_names_are_sorted_in_natural_order(ordered):
    shuffled = Random(1).sample(ordered, len(ordered))

    assert natural_order(shuffled) == ordered


def test_partitions_are_in_natural_order_with_files_by_name(landing):
    for name in ("partition_10", "partition_2", "partition_1"):
        for file in ("b.json", "a.json.gz", "a.json"):
            upload(landing, DATASET, name, "x", file=file)
    upload(landing, "amazon_metadata", "partition_7", "x")

    partitions = landing.partitions(DATASET)

    assert list(partitions) == ["partition_1", "partition_2", "partition_10"]
    assert [file.name for file in partitions["partition_2"].files] == [
        "a.json",
        "a.json.gz",
        "b.json",
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("_part.json", ".part.json", "_SUCCESS", "a.json.crc", "a.json.gz.part", "a.jsonl"),
        *("a.JSON", "a.csv", "json", "a.json.bz2"),
    ],
)
def test_hidden_and_foreign_names_are_not_read(landing, folder, name):
    before = fingerprint(landing)
    (folder / name).write_text("x")

    assert [file.name for file in landing.partition(DATASET, "partition_1").files] == [
        "a.json",
        "b.json.gz",
    ]
    assert fingerprint(landing) == before


@pytest.mark.parametrize(
    "name",
    [
        *("part_1", "partition_", "Partition_1", "_partition_1", "partition_1\n"),
        *("partition_a b", "partition_é", "partition_50%", "partition_'"),
        *("partition_1...2", "partition_...", "partition_a....b"),
    ],
)
def test_folders_of_other_names_are_not_partitions(landing, name):
    upload(landing, DATASET, name, "x", "y")
    upload(landing, DATASET, name, "x", file="b.json")

    listing = landing.listing(DATASET)

    assert listing.partitions == {}
    assert listing.unmatched == ([f"{DATASET}/{name}"] if name.startswith("partition_") else [])


def test_folder_without_files_is_not_a_partition(landing, folder):
    (folder.parent / "partition_2" / "x.json").mkdir(parents=True)
    (folder.parent / "partition_3").write_text("a file")

    assert list(landing.partitions(DATASET)) == ["partition_1"]


@pytest.mark.parametrize(
    "name",
    [
        *("a b.json", "é.json", "50%.json", "a'b\".json", "x=1&y.json", "漢.json.gz"),
        *("a\nb.json", "#?.json", "a\\b.json", "*.json"),
    ],
)
def test_files_with_odd_names_are_read(landing, name):
    upload_bytes(landing, DATASET, "partition_1", b"content", name)

    (file,) = landing.partition(DATASET, "partition_1").files

    with landing.open(file) as stream:
        assert len(stream.read()) == file.size
    assert file.name == name


def test_partition_size_is_that_of_its_files(landing, folder):
    partition = landing.partition(DATASET, "partition_1")

    assert [file.size for file in partition.files] == [
        (folder / name).stat().st_size for name in ("a.json", "b.json.gz")
    ]
    assert partition.size == sum(file.size for file in partition.files)


def _other_content(folder):
    (folder / "a.json").write_text("other content\n")


def _same_size(folder):
    """Other content of the same size, uploaded at another time."""
    before = (folder / "a.json").stat()
    (folder / "a.json").write_text("z\n")
    os.utime(folder / "a.json", ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def _same_time(folder):
    before = (folder / "a.json").stat()
    (folder / "a.json").write_text("longer\n")
    os.utime(folder / "a.json", ns=(before.st_atime_ns, before.st_mtime_ns))


def _renamed(folder):
    (folder / "a.json").rename(folder / "aa.json")


def _removed(folder):
    (folder / "a.json").unlink()


def _added(folder):
    (folder / "c.json").write_text("")


@pytest.mark.parametrize(
    "change", [_other_content, _same_size, _same_time, _renamed, _removed, _added]
)
def test_change_gives_another_fingerprint(landing, folder, change):
    before = fingerprint(landing)

    change(folder)

    assert fingerprint(landing) != before


def test_equal_files_give_an_equal_fingerprint_that_delta_can_store(landing, folder):
    again = LandingZone(location=landing.location)

    assert fingerprint(landing) == fingerprint(again)
    assert 0 <= fingerprint(landing) < 2**63


def test_missing_landing_zone_is_empty(tmp_path):
    assert LandingZone(location=str(tmp_path / "none")).partitions(DATASET) == {}


def test_file_named_like_a_dataset_is_rejected(landing):
    (Path(landing.location) / DATASET).write_text("x")

    with pytest.raises(
        LandingError, match="amazon_reviews is not a folder; AMAZON_REVIEWS_LANDING"
    ):
        landing.partitions(DATASET)


def test_missing_partition_is_rejected(landing):
    with pytest.raises(LandingError, match=r"partition_9 holds no file ending in \.json"):
        landing.partition(DATASET, "partition_9")


def test_missing_file_is_named(landing, tmp_path):
    gone = LandingFile(str(tmp_path / "gone.json"), "gone.json", 1, "1")

    with pytest.raises(LandingError, match=r"gone\.json cannot be opened"):
        landing.open(gone)


def test_folder_removed_during_the_listing_is_left_out(landing, folder, monkeypatch):
    other = upload(landing, DATASET, "partition_2", "c", file="c.json")
    is_dir = Path.is_dir

    def vanishing(path):
        result = is_dir(path)
        if path.name == "partition_2":
            shutil.rmtree(path, ignore_errors=True)
        if path.name == "partition_1":
            (path / "b.json.gz").unlink()
        return result

    monkeypatch.setattr(Path, "is_dir", vanishing)

    listing = landing.listing(DATASET)

    assert not other.exists()
    assert {name: [f.name for f in p.files] for name, p in listing.partitions.items()} == {
        "partition_1": ["a.json"]
    }
    assert listing.unreadable == {}


def test_file_removed_during_the_listing_is_left_out(landing, folder, monkeypatch):
    stat = Path.stat

    def vanishing(path, **options):
        if path.name == "b.json.gz":
            path.unlink(missing_ok=True)
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", vanishing)

    assert [f.name for f in landing.partition(DATASET, "partition_1").files] == ["a.json"]


def test_unlistable_folder_fails_alone(landing, folder, monkeypatch):
    bad = upload(landing, DATASET, "partition_31", "x").parent
    iterdir = Path.iterdir

    def denied(path):
        if path == bad:
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", denied)

    listing = landing.listing(DATASET)

    assert list(listing.partitions) == ["partition_1"]
    assert str(listing.unreadable["partition_31"]).startswith(
        f"{bad} cannot be listed (Permission denied); "
    )
    with pytest.raises(LandingError, match="cannot be listed"):
        landing.partition(DATASET, "partition_31")
