"""The landing zone: partitions, files, and fingerprints of changes."""

import os
from pathlib import Path
from random import Random

import pytest

from amazon_reviews.errors import LandingError
from amazon_reviews.resources.landing.layout import LandingFile
from amazon_reviews.resources.landing.names import natural_order, partition_key
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
        *("a.json", "a.jsonl", "a.ndjson", "a.csv", "a.tsv", "a.txt", "a.parquet", "a.avro"),
        *("a.jsonl.gz", "a.csv.zst", "a.json.bz2", "UPPER.JSON", "a.Csv.GZ"),
    ],
)
def test_files_of_every_container_are_read(landing, name):
    upload_bytes(landing, DATASET, "partition_1", b"content", name)

    assert [file.name for file in landing.partition(DATASET, "partition_1").files] == [name]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("partition_7", "partition_7"),
        ("category=Books", "category=Books"),
        ("2023-08-01", "2023-08-01"),
        ("2023/08/01", "2023%2F08%2F01"),
        ("2023/a.b", "2023%2Fa.b"),
        ("Home & Kitchen", "Home%20%26%20Kitchen"),
        ("stream", "%73tream"),
        ("a...b", "a%2E%2E%2Eb"),
        ("x.json", "x.json"),
        ("new\nline", "new%0Aline"),
    ],
)
def test_folder_with_files_is_a_partition_named_by_its_path(landing, path, key):
    file = upload(landing, DATASET, path, "x", file="a.json")

    (partition,) = landing.partitions(DATASET).values()

    assert (partition.name, partition.files[0].path) == (key, str(file))
    assert landing.partition(DATASET, key) == partition
    assert len(landing.listing(DATASET).unmatched) == 0


def test_file_beside_the_folders_is_a_partition(landing):
    for name in ("b 2.jsonl", "a.csv.gz"):
        upload_bytes(landing, DATASET, "", b"x", name)
    upload(landing, DATASET, "partition_1", "x")

    partitions = landing.partitions(DATASET)

    assert list(partitions) == ["a.csv.gz", "b%202.jsonl", "partition_1"]
    assert [file.name for file in partitions["b%202.jsonl"].files] == ["b 2.jsonl"]
    assert {name: landing.partition(DATASET, name) for name in partitions} == partitions


@pytest.mark.parametrize(
    "key", ["..%2Famazon_metadata%2Fpartition_1", "../amazon_metadata/partition_1", "%70artition_1"]
)
def test_other_key_leads_nowhere(landing, folder, key):
    upload(landing, "amazon_metadata", "partition_1", "x")

    with pytest.raises(LandingError, match="holds no file"):
        landing.partition(DATASET, key)


def test_partitions_that_look_alike_are_both_read_and_named(landing):
    for name in ("Books", "books", "Beauty"):
        upload(landing, DATASET, name, "x")

    listing = landing.listing(DATASET)

    assert list(listing.partitions) == ["Beauty", "Books", "books"]
    assert listing.alike == ["Books", "books"]


def test_profile_of_a_partition_comes_before_that_of_the_dataset(landing, folder):
    upload(landing, DATASET, "partition_2", "x")
    upload_bytes(landing, DATASET, "", b"x", "a.csv")
    before = landing.listing(DATASET)
    of_partition = upload_bytes(landing, DATASET, "partition_1", b"profile", "profile.yml")
    with_own = landing.partition(DATASET, "partition_1")
    assert with_own.profile_file.path == str(of_partition)
    assert with_own.fingerprint != before.partitions["partition_1"].fingerprint
    assert with_own.files == before.partitions["partition_1"].files

    of_dataset = upload_bytes(landing, DATASET, "", b"profile", "profile.yaml")
    listing = landing.listing(DATASET)

    assert before.profile_file is None
    assert listing.profile_file.path == str(of_dataset)
    assert listing.partitions["partition_1"] == with_own
    assert len(listing.unmatched) == 0
    for name in ("partition_2", "a.csv"):
        partition = landing.partition(DATASET, name)
        assert partition == listing.partitions[name]
        assert partition.profile_file == listing.profile_file
        assert partition.fingerprint != before.partitions[name].fingerprint


def test_changed_profile_gives_another_fingerprint(landing, folder):
    profile = upload_bytes(landing, DATASET, "partition_1", b"profile", "profile.yaml")
    before = fingerprint(landing)
    profile.write_text("changed")

    assert fingerprint(landing) != before


def test_fingerprint_of_earlier_releases_stays(landing, folder):
    for name in ("a.json", "b.json.gz"):
        os.utime(folder / name, ns=(0, 1_000_000_007))
    (folder / "b.json.gz").write_bytes(b"12345")
    os.utime(folder / "b.json.gz", ns=(0, 1_000_000_007))

    assert fingerprint(landing) == 6_206_529_327_131_619_152


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
    (folder / "c.json").write_text("c")


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


def test_folder_and_file_removed_during_the_listing_are_left_out(landing, folder, monkeypatch):
    upload(landing, DATASET, "partition_2", "c", file="c.json")
    upload(landing, DATASET, "partition_3", "d", file="d.json")
    scandir = os.scandir

    def vanishing(path):
        if Path(path).name == "partition_2":
            (folder.parent / "partition_2" / "c.json").unlink()
            (folder.parent / "partition_2").rmdir()
        entries = scandir(path)
        if Path(path).name == "partition_1":
            (folder / "b.json.gz").unlink()
        return entries

    monkeypatch.setattr(os, "scandir", vanishing)

    listing = landing.listing(DATASET)

    assert {name: [f.name for f in p.files] for name, p in listing.partitions.items()} == {
        "partition_1": ["a.json"],
        "partition_3": ["d.json"],
    }
    assert listing.unreadable == {}
    assert len(listing.unmatched) == 0


@pytest.mark.parametrize("bad", ["partition_31", "2023/08"])
def test_unlistable_folder_fails_alone(landing, folder, monkeypatch, bad):
    upload(landing, DATASET, f"{bad}/deep", "x")
    path = folder.parent / bad
    scandir = os.scandir

    def denied(folder):
        if str(folder).rstrip("/") == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", denied)

    listing = landing.listing(DATASET)

    key = partition_key(bad)
    assert list(listing.partitions) == ["partition_1"]
    assert str(listing.unreadable[key]).startswith(f"{path} cannot be listed (Permission denied); ")
    assert listing.may_hold(key)
    assert listing.may_hold(f"{key}%2Fdeep")
    assert not listing.may_hold("partition_3")
    with pytest.raises(LandingError, match="cannot be listed"):
        landing.partition(DATASET, key)


def test_listing_looks_at_every_file_once(landing, folder, monkeypatch):
    looked = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: looked.append(Path(path).name) or scandir(path))
    monkeypatch.setattr(os, "stat", lambda *_, **__: pytest.fail("a file has a second look"))

    landing.listing(DATASET)

    assert sorted(looked) == ["amazon_reviews", "partition_1"]
