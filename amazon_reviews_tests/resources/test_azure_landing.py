"""The landing zone in an Azure container, over the wire, by Azure's client."""

import gzip
import random
import re
from itertools import count

import pytest
from azure.storage.blob import ContentSettings, ExponentialRetry

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import DATASETS, REVIEWS
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing import azure as module
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.azurite import ACCOUNT, FaultyProxy
from amazon_reviews_tests.helpers import content, review, upload, upload_bytes

DATASET = REVIEWS.folder
_names = (f"landing{number}" for number in count())


@pytest.fixture
def container(azurite):
    """A new container."""
    return azurite.container(next(_names))


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch):
    monkeypatch.setattr(ExponentialRetry, "get_backoff_time", lambda *_: 0)


def put(container, name, data=b"{}\n", **options):
    container.upload_blob(f"lake/{name}", data, overwrite=True, **options)


def zone(azurite, container, **access):
    """Return the landing zone of a reader, by default with a token."""
    given = access or {"azure_sas_token": azurite.sas(container.container_name)}
    return LandingZone(
        location=f"az://{container.container_name}/lake",
        azure_account=ACCOUNT,
        **{"azure_endpoint": azurite.endpoint} | given,
    )


def read(landing, partition="partition_1"):
    (file,) = landing.partition(DATASET, partition).files
    with landing.open(file) as stream:
        return stream.read()


@pytest.mark.parametrize("credential", ["token", "token with ?", "key"])
def test_every_credential_reads_the_same(azurite, container, credential):
    token = azurite.sas(container.container_name)
    given = {
        "token": {"azure_sas_token": token},
        "token with ?": {"azure_sas_token": f"?{token}"},
        "key": {"azure_account_key": azurite.key},
    }
    put(container, f"{DATASET}/partition_2/a.json.gz")
    landing = zone(azurite, container, **given[credential])

    partitions = landing.partitions(DATASET)

    assert landing.partition(DATASET, "partition_2") == partitions["partition_2"]
    assert partitions["partition_2"].files[0].path == (
        f"az://{container.container_name}/lake/{DATASET}/partition_2/a.json.gz"
    )
    assert landing.partitions("titles") == {}


def test_listing_equals_that_of_a_local_folder(azurite, container, landing):
    paths = [
        *(f"partition_{n}/{file}" for n in (10, 2, 1) for file in ("b.json", "a.csv.gz", "_x")),
        *("partition_2/deeper/c.json", "partition_2/deeper/d.json", "partition_2/notes.md"),
        *("2023/08/01/a.json", "2023/08/02/a.json", "2023/README.md", "_hidden/a.json"),
        *("partition_3/_SUCCESS", "partition_4/.b/a.json", "_temporary/a.json", "profile.yaml"),
        *("partition_1/profile.yml", "single file.jsonl", "é...漢/a:b.json", "stream/a.json"),
    ]
    others = ["reviews/a.json", "All_Beauty.jsonl", "truth.json", "event_hubs_capture/0/a.txt"]
    for path in (*(f"{DATASET}/{path}" for path in paths), *others):
        put(container, path, b"{}\n")
        upload_bytes(landing, "", "", b"{}\n", path)
    for name in ("partition_1/empty.json", "empty.csv"):
        put(container, f"{DATASET}/{name}", b"")
        upload_bytes(landing, DATASET, "", b"", name)
    remote = zone(azurite, container)
    there, here = remote.listing(DATASET), landing.listing(DATASET)
    folders = [dataset.folder for dataset in DATASETS]

    assert shape(there) == shape(here)
    assert there.unmatched.rows() == here.unmatched.rows()
    assert len(here.unmatched) == 11
    assert {name: remote.partition(DATASET, name) for name in there.partitions} == there.partitions
    elsewhere = landing.unmatched_elsewhere(folders)
    assert remote.unmatched_elsewhere(folders).rows() == elsewhere.rows()
    assert len(elsewhere) == 3


def shape(listing):
    """Return the names of the files by partition, and those of the profiles."""
    return [
        (key, [file.name for file in found.files], found.profile_file and found.profile_file.name)
        for key, found in listing.partitions.items()
    ]


def test_blobs_that_mark_folders_are_no_files(azurite, container):
    put(container, f"{DATASET}/partition_2/a.json")
    put(container, f"{DATASET}/partition_2", b"")
    put(container, f"{DATASET}/partition_2/", b"")
    put(container, f"{DATASET}/partition_2_$folder$", b"")
    put(container, f"{DATASET}/2023", b"", metadata={"hdi_isfolder": "true"})
    put(container, f"{DATASET}/2023/08", b"", metadata={"hdi_isfolder": "true"})
    put(container, f"{DATASET}/2023/08/a.json")
    put(container, f"{DATASET}/partition_3", b"", metadata={"hdi_isfolder": "true"})
    put(container, f"{DATASET}/partition_4/d.json", b"", metadata={"hdi_isfolder": "true"})

    listing = zone(azurite, container).listing(DATASET)

    assert list(listing.partitions) == ["2023%2F08", "partition_2"]
    assert [(one.path, one.reason) for one in listing.unmatched] == [
        (f"{DATASET}/partition_3", "folder without files"),
        (f"{DATASET}/partition_4/d.json", "folder without files"),
    ]


def test_folder_and_file_of_one_name_are_not_mixed(azurite, container):
    put(container, f"{DATASET}/x.json")
    put(container, f"{DATASET}/x.json/a.json")
    landing = zone(azurite, container)

    listing = landing.listing(DATASET)

    assert [file.name for file in listing.partitions["x.json"].files] == ["x.json"]
    assert landing.partition(DATASET, "x.json") == listing.partitions["x.json"]
    assert [one.reason for one in listing.unmatched] == ["folder with the name of a file"]


def test_listing_of_many_pages_is_complete(azurite, container, monkeypatch):
    monkeypatch.setattr(module, "_PAGE_FILES", 3)
    for number in range(10):
        put(container, f"{DATASET}/partition_{number % 2}/part-{number}.json")

    partitions = zone(azurite, container).partitions(DATASET)

    assert {name: len(partition.files) for name, partition in partitions.items()} == {
        "partition_0": 5,
        "partition_1": 5,
    }


def test_file_uploaded_again_is_another_version(azurite, container):
    landing = zone(azurite, container)
    put(container, f"{DATASET}/partition_1/a.json", b"old\n")
    before = landing.partition(DATASET, "partition_1")
    assert landing.partition(DATASET, "partition_1").fingerprint == before.fingerprint

    put(container, f"{DATASET}/partition_1/a.json", b"new\n")

    assert landing.partition(DATASET, "partition_1").fingerprint != before.fingerprint
    with pytest.raises(LandingError, match=r"a\.json: .* holds another version of it"):
        landing.open(before.files[0]).read()


@pytest.mark.parametrize("size", [1, 1_000, 1_024, 2_500, 70_000])
def test_file_is_read_unchanged_by_ranges(azurite, container, monkeypatch, size):
    monkeypatch.setattr(module, "_RANGE_BYTES", 1_024)
    data = random.Random(size).randbytes(size)
    put(container, f"{DATASET}/partition_1/a.json", data)

    assert read(zone(azurite, container)) == data


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "none of these"])
@pytest.mark.parametrize("size", [100, 5_000])
def test_file_is_read_as_stored_with_any_content_encoding(
    azurite, container, monkeypatch, encoding, size
):
    monkeypatch.setattr(module, "_RANGE_BYTES", 1_024)
    data = gzip.compress(random.Random(size).randbytes(size))
    properties = ContentSettings(content_encoding=encoding)
    put(container, f"{DATASET}/partition_1/a.json.gz", data, content_settings=properties)

    assert read(zone(azurite, container)) == data


def test_file_that_is_gzip_by_its_encoding_only_is_named(azurite, container, tmp_path):
    properties = ContentSettings(content_encoding="gzip")
    lakehouse = Lakehouse(location=str(tmp_path))
    for name, data, message in (
        ("a.json", gzip.compress(b"{}\n"), r"a\.json is gzip; give it a name that ends in \.gz"),
        ("a.json.gz", b"{}\n" * 9, r"a\.json\.gz is not gzip.*upload it compressed, or under"),
    ):
        put(container, f"{DATASET}/partition_{name}/{name}", data, content_settings=properties)
        with pytest.raises(LandingError, match=message):
            ingest(zone(azurite, container), lakehouse, REVIEWS, f"partition_{name}")


def test_bronze_equals_that_of_a_local_folder(azurite, container, landing, tmp_path):
    lines = [review(reviewerID=f"A{number}") for number in range(500)]
    file = upload(landing, DATASET, "partition_1", *lines, "", b"\xff", "not json")
    put(container, f"{DATASET}/partition_1/{file.name}", file.read_bytes())
    local, remote = (Lakehouse(location=str(tmp_path / name)) for name in ("local", "remote"))

    ingest(landing, local, REVIEWS, "partition_1")
    ingest(zone(azurite, container), remote, REVIEWS, "partition_1")

    assert content(remote, REVIEWS.bronze) == content(local, REVIEWS.bronze)


@pytest.mark.parametrize("faults", [[503], [503, 500, 503], ["cut"], ["cut", 503, "cut"]])
def test_temporary_faults_are_retried(azurite, container, faults):
    data = gzip.compress(random.Random(1).randbytes(50_000))
    put(container, f"{DATASET}/partition_1/a.json.gz", data)

    with FaultyProxy(azurite.port) as proxy:
        landing = zone(
            azurite,
            container,
            azure_endpoint=proxy.endpoint,
            azure_sas_token=azurite.sas(container.container_name),
        )
        proxy.faults.extend(faults)
        assert read(landing) == data
        assert not proxy.faults


@pytest.mark.parametrize(
    ("fault", "message"), [(503, "is too busy (ServerBusy)"), ("cut", "could not be read (")]
)
def test_lasting_faults_leave_bronze_unchanged(azurite, container, tmp_path, fault, message):
    lakehouse = Lakehouse(location=str(tmp_path))
    for file in ("a.json", "b.json"):
        put(container, f"{DATASET}/partition_1/{file}", b'{"overall": 5.0}\n' * 1_000)
    token = azurite.sas(container.container_name)
    with FaultyProxy(azurite.port) as proxy:
        landing = zone(azurite, container, azure_endpoint=proxy.endpoint, azure_sas_token=token)
        ingest(landing, lakehouse, REVIEWS, "partition_1")
        before = content(lakehouse, REVIEWS.bronze)
        put(container, f"{DATASET}/partition_1/b.json", b"{}\n" * 1_000)
        proxy.faults.extend([None] + [fault] * 100)

        with pytest.raises(LandingError, match=re.escape(message)) as error:
            ingest(landing, lakehouse, REVIEWS, "partition_1")

    assert_names_the_place(error, container, token)
    assert re.search(r"/partition_1/[ab]\.json", str(error.value))
    assert content(lakehouse, REVIEWS.bronze) == before
    assert lakehouse.version(REVIEWS.bronze) == 1


def assert_names_the_place(error, container, *secrets):
    text = f"{error.value!r} {error.value.__cause__!r}"
    assert f"container {container.container_name} of the storage account {ACCOUNT}" in text
    assert error.value.__suppress_context__
    for secret in secrets:
        assert secret not in text
        signature = re.search("sig=([^&]+)", secret)
        assert signature is None or signature[1] not in text


@pytest.mark.parametrize(
    ("permissions", "hours"), [("rl", -1), ("r", 1), ("w", 1)], ids=["expired", "no list", "write"]
)
def test_token_without_list_permission_is_explained(azurite, container, caplog, permissions, hours):
    put(container, f"{DATASET}/partition_1/a.json")
    token = azurite.sas(container.container_name, permissions, hours)
    landing = zone(azurite, container, azure_sas_token=token)

    for ask in (landing.partitions, lambda dataset: landing.partition(dataset, "partition_1")):
        with pytest.raises(LandingError, match="renew AZURE_STORAGE_SAS_TOKEN") as error:
            ask(DATASET)
        assert_names_the_place(error, container, token)
    assert token not in caplog.text


def test_token_without_read_permission_is_explained(azurite, container):
    put(container, f"{DATASET}/partition_1/a.json")
    token = azurite.sas(container.container_name, "l")

    with pytest.raises(LandingError, match=r"a\.json: .*may .*renew") as error:
        read(zone(azurite, container, azure_sas_token=token))

    assert_names_the_place(error, container, token)


def test_wrong_key_is_explained(azurite, container):
    wrong = "d3Jvbmc="

    with pytest.raises(LandingError, match="denies access") as error:
        zone(azurite, container, azure_account_key=wrong).partitions(DATASET)

    assert_names_the_place(error, container, wrong)


def test_missing_container_is_named(azurite, container):
    container.delete_container()

    with pytest.raises(LandingError, match="does not exist; check AMAZON_REVIEWS_LANDING") as e:
        zone(azurite, container, azure_account_key=azurite.key).partitions(DATASET)

    assert_names_the_place(e, container, azurite.key)


def test_deleted_partition_is_named(azurite, container):
    put(container, f"{DATASET}/partition_1/a.json")
    landing = zone(azurite, container)
    (file,) = landing.partition(DATASET, "partition_1").files
    container.delete_blob(f"lake/{DATASET}/partition_1/a.json")

    with pytest.raises(LandingError, match="partition_1 holds no file"):
        landing.partition(DATASET, "partition_1")
    with pytest.raises(LandingError, match="now, or has lost it") as error:
        landing.open(file).read()

    assert_names_the_place(error, container)


def test_unreachable_account_is_named(azurite, container):
    token = azurite.sas(container.container_name)
    nobody = {"azure_endpoint": f"http://127.0.0.1:1/{ACCOUNT}", "azure_sas_token": token}

    with pytest.raises(LandingError, match="could not be read") as error:
        zone(azurite, container, **nobody).partitions(DATASET)

    assert_names_the_place(error, container, token)


def test_location_without_an_account_is_rejected():
    with pytest.raises(LandingError, match="AZURE_STORAGE_ACCOUNT_NAME"):
        LandingZone(location="az://container/lake").partitions(DATASET)
