"""Faults of BigQuery: retries, and the errors that users see."""

import json
from random import Random

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from deltalake import write_deltalake
from google.cloud.bigquery import client

from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews_tests.bigquery_warehouse.common import (
    DATASET,
    SWAP,
    UPLOAD,
    URL,
    count_requests,
    job_steps,
    newest,
    numbers_of,
    staging_tables,
)
from amazon_reviews_tests.resources.deltas import delta, numbers, replace_partition

JOBS = r"POST .*/jobs"


def jobs_of(emulator, step):
    """Return the attempt numbers of the jobs of a step."""
    return [name.rpartition("_")[2] for name in emulator.jobs.done if f"_{step}_" in name]


@pytest.mark.parametrize(
    "where", [UPLOAD, r"POST .*/upload/", r"POST .*/tables$", SWAP, r"DELETE .*/tables/", r"GET "]
)
@pytest.mark.parametrize("fault", ["rejected", "response lost"])
def test_load_survives_temporary_faults(emulator, warehouse, three_files, where, fault):
    if fault == "rejected":
        emulator.reject(where, 503, "backendError", times=2)
    else:
        emulator.cut(where)

    (load,) = warehouse.load([three_files])

    assert (load.rows, load.skipped) == (4, False)
    assert numbers_of(warehouse) == [1, 2, 3, 4]
    assert sorted(job_steps(emulator, "load")) == ["part0", "part1", "part2"]
    assert staging_tables(emulator) == []


@pytest.mark.parametrize("where", ["CREATE TABLE IF NOT EXISTS", "DELETE FROM", "SELECT count"])
@pytest.mark.parametrize("fault", ["rejected", "response lost"])
def test_load_of_a_change_survives_temporary_faults(
    emulator, warehouse, three_files, where, fault, lake
):
    warehouse.load([three_files])
    replace_partition(lake, "b", numbers(30, partition="b"))
    if fault == "rejected":
        emulator.reject(where, 503, "backendError", times=2)
    else:
        emulator.cut(where)

    warehouse.load([newest(lake)])

    assert numbers_of(warehouse) == [1, 2, 4, 30]
    assert jobs_of(emulator, "delete") == ["1"]


@pytest.mark.parametrize("rejections", [0, 2])
def test_large_file_is_uploaded_in_chunks(lake, emulator, warehouse, monkeypatch, rejections):
    monkeypatch.setattr(client, "_DEFAULT_CHUNKSIZE", 1 << 18)
    random = Random(7)
    texts = [random.randbytes(500).hex() for _ in range(2_000)]
    write_deltalake(str(lake), pa.table({"text": texts}))
    emulator.reject(UPLOAD, 503, "backendError", times=rejections, skip=1)

    warehouse.load([newest(lake)])

    assert count_requests(emulator, "PUT") >= 4
    assert sorted(warehouse.query("SELECT text FROM t")["text"].to_pylist()) == sorted(texts)


def test_permanently_failing_upload_leaves_the_old_table(lake, emulator, warehouse):
    delta(lake, numbers(1))
    warehouse.load([newest(lake)])
    delta(lake, numbers(2))
    fault = emulator.reject(UPLOAD, 503, "backendError", times=1_000)

    with pytest.raises(WarehouseError, match=r"gold/t at Delta version 1: .*backendError.*later"):
        warehouse.load([newest(lake)])

    assert warehouse.versions() == {"gold/t": 0}
    assert numbers_of(warehouse) == [1]
    fault.times = 0
    warehouse.load([newest(lake)])
    assert numbers_of(warehouse) == [1, 2]


@pytest.mark.parametrize("kind", ["load", "query"])
def test_temporarily_failing_job_is_retried_with_new_ids(
    emulator, warehouse, three_files, monkeypatch, kind
):
    emulator.jobs.fail(kind, "backendError", times=2)

    warehouse.load([three_files])

    assert numbers_of(warehouse) == [1, 2, 3, 4]
    if kind == "load":
        attempts = [jobs_of(emulator, f"part{n}") for n in range(3)]
        assert sum(map(len, attempts)) == 5


def test_id_of_a_failed_job_is_not_used_again(lake, emulator, warehouse):
    delta(lake, numbers(1))
    emulator.jobs.fail("load", "quotaExceeded")
    with pytest.raises(WarehouseError, match="a quota of the project test-project is used up"):
        warehouse.load([newest(lake)])
    assert warehouse.versions() == {}

    warehouse.load([newest(lake)])

    assert jobs_of(emulator, "part0") == ["1", "2"]
    assert numbers_of(warehouse) == [1]


def test_job_fails_after_three_attempts(lake, emulator, warehouse):
    delta(lake, numbers(1))
    emulator.jobs.fail("load", "backendError", times=100)

    with pytest.raises(WarehouseError, match="backendError"):
        warehouse.load([newest(lake)])

    assert jobs_of(emulator, "part0") == ["1", "2", "3"]


REJECTIONS = {
    "permission": (
        (JOBS, 403, "accessDenied"),
        r"roles/bigquery\.jobUser on the project test-project and roles/bigquery\.dataEditor on "
        r"the dataset test-project\.reviews, which AMAZON_REVIEWS_WAREHOUSE names",
    ),
    "dataset": (
        (r"POST .*/datasets$", 403, "accessDenied"),
        r"roles/bigquery\.dataEditor on the dataset test-project\.reviews",
    ),
    "quota": ((UPLOAD, 403, "quotaExceeded"), "a quota of the project test-project is used up"),
    "location": (
        (JOBS, 404, "notFound", 1, "Dataset reviews was not found in location US"),
        r"correct \?location= in AMAZON_REVIEWS_WAREHOUSE",
    ),
}


@pytest.mark.parametrize("case", REJECTIONS)
def test_rejected_request_raises_error_with_the_setting_and_changes_nothing(
    lake, emulator, warehouse, case
):
    (pattern, *error_response), message = REJECTIONS[case]
    delta(lake, numbers(1))
    emulator.reject(pattern, *error_response)

    with pytest.raises(WarehouseError, match=message) as error:
        warehouse.load([newest(lake)])

    assert "upload_id" not in str(error.value)
    assert warehouse.versions() == {}


def test_dataset_in_another_location_is_an_error(lake, emulator):
    delta(lake, numbers(1))
    emulator.catalogue.create_dataset(DATASET | {"location": "US"})
    warehouse = open_warehouse(f"{URL}?location=EU")

    for request in (lambda: warehouse.load([newest(lake)]), warehouse.versions):
        with pytest.raises(
            WarehouseError, match=r"reviews is in US, not in EU; correct \?location="
        ):
            request()
    assert emulator.catalogue.tables == {}


def test_missing_project_is_an_error_with_its_name(lake, emulator):
    delta(lake, numbers(1))

    with pytest.raises(WarehouseError, match=r"\(other-project\.reviews\) in AMAZON_REVIEWS_WAREH"):
        open_warehouse("bigquery://other-project/reviews").load([newest(lake)])


def test_missing_credentials_are_an_error_with_instructions(lake, tmp_path, monkeypatch):
    delta(lake, numbers(1))
    for name in ("BIGQUERY_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")

    with pytest.raises(WarehouseError, match=r"GOOGLE_APPLICATION_CREDENTIALS.*gcloud auth"):
        open_warehouse(URL).load([newest(lake)])


@pytest.fixture
def service_account(emulator, tmp_path, monkeypatch):
    """The key file of an account whose tokens the emulator issues."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {
        "type": "service_account",
        "client_email": "loader@test-project.iam.gserviceaccount.com",
        "token_uri": f"{emulator.url}/token",
        "private_key": private,
    }
    file = tmp_path / "key.json"
    file.write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    return private


def test_service_account_gives_access(lake, emulator, warehouse, service_account):
    delta(lake, numbers(1))
    emulator.tokens = {"good"}

    warehouse.load([newest(lake)])

    assert numbers_of(warehouse) == [1]
    assert count_requests(emulator, "POST /token") == 1


def test_rejected_credentials_are_an_error_without_the_secret(
    lake, emulator, warehouse, service_account
):
    delta(lake, numbers(1))
    emulator.tokens = {"other"}

    with pytest.raises(WarehouseError, match="renew the key file that GOOGLE_APPLIC") as error:
        warehouse.load([newest(lake)])

    assert "good" not in str(error.value)
    assert not set(service_account.splitlines()) & set(str(error.value).split())


def test_request_without_token_is_an_error(lake, emulator, warehouse):
    delta(lake, numbers(1))
    emulator.tokens = {"good"}

    with pytest.raises(WarehouseError, match="there are no credentials for Google Cloud"):
        warehouse.load([newest(lake)])
