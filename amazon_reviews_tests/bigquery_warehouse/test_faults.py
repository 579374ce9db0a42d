"""What goes wrong between here and BigQuery, and what people are told of it."""

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
    asked,
    found,
    newest,
    staging_tables,
    steps,
)
from amazon_reviews_tests.resources.deltas import delta, numbers, replace_partition

JOBS = r"POST .*/jobs"


def jobs_of(server, step):
    """The ids of the jobs made for a step, by attempt."""
    return [name.rpartition("_")[2] for name in server.jobs.done if f"_{step}_" in name]


@pytest.mark.parametrize(
    "where", [UPLOAD, r"POST .*/upload/", r"POST .*/tables$", SWAP, r"DELETE .*/tables/", r"GET "]
)
@pytest.mark.parametrize("how", ["refused", "reply lost"])
def test_faults_that_pass_are_not_seen(server, warehouse, three_files, where, how):
    if how == "refused":
        server.refuse(where, 503, "backendError", times=2)
    else:
        server.cut(where)

    (load,) = warehouse.load([three_files])

    assert (load.rows, load.skipped) == (4, False)
    assert found(warehouse) == [1, 2, 3, 4]
    assert sorted(steps(server, "load")) == ["part0", "part1", "part2"]
    assert staging_tables(server) == []


@pytest.mark.parametrize("where", ["CREATE TABLE IF NOT EXISTS", "DELETE FROM", "SELECT count"])
@pytest.mark.parametrize("how", ["refused", "reply lost"])
def test_faults_within_a_change_are_not_seen(server, warehouse, three_files, where, how, lake):
    warehouse.load([three_files])
    replace_partition(lake, "b", numbers(30, partition="b"))
    if how == "refused":
        server.refuse(where, 503, "backendError", times=2)
    else:
        server.cut(where)

    warehouse.load([newest(lake)])

    assert found(warehouse) == [1, 2, 4, 30]
    assert jobs_of(server, "delete") == ["1"]


@pytest.mark.parametrize("refused", [0, 2])
def test_a_large_file_goes_in_chunks(lake, server, warehouse, monkeypatch, refused):
    monkeypatch.setattr(client, "_DEFAULT_CHUNKSIZE", 1 << 18)
    random = Random(7)
    texts = [random.randbytes(500).hex() for _ in range(2_000)]
    write_deltalake(str(lake), pa.table({"text": texts}))
    server.refuse(UPLOAD, 503, "backendError", times=refused, skip=1)

    warehouse.load([newest(lake)])

    assert asked(server, "PUT") >= 4
    assert sorted(warehouse.query("SELECT text FROM t")["text"].to_pylist()) == sorted(texts)


def test_an_upload_that_is_never_taken_leaves_the_old_table(lake, server, warehouse):
    delta(lake, numbers(1))
    warehouse.load([newest(lake)])
    delta(lake, numbers(2))
    fault = server.refuse(UPLOAD, 503, "backendError", times=1_000)

    with pytest.raises(WarehouseError, match=r"gold/t at Delta version 1: .*backendError.*later"):
        warehouse.load([newest(lake)])

    assert warehouse.versions() == {"gold/t": 0}
    assert found(warehouse) == [1]
    fault.times = 0
    warehouse.load([newest(lake)])
    assert found(warehouse) == [1, 2]


@pytest.mark.parametrize("kind", ["load", "query"])
def test_a_job_that_fails_for_a_while_is_tried_under_further_ids(
    server, warehouse, three_files, monkeypatch, kind
):
    server.jobs.fail(kind, "backendError", times=2)

    warehouse.load([three_files])

    assert found(warehouse) == [1, 2, 3, 4]
    if kind == "load":
        attempts = [jobs_of(server, f"part{n}") for n in range(3)]
        assert sum(map(len, attempts)) == 5


def test_the_id_of_a_job_that_failed_is_not_used_again(lake, server, warehouse):
    delta(lake, numbers(1))
    server.jobs.fail("load", "quotaExceeded")
    with pytest.raises(WarehouseError, match="a quota of the project test-project is used up"):
        warehouse.load([newest(lake)])
    assert warehouse.versions() == {}

    warehouse.load([newest(lake)])

    assert jobs_of(server, "part0") == ["1", "2"]
    assert found(warehouse) == [1]


def test_a_job_that_keeps_failing_is_given_up(lake, server, warehouse):
    delta(lake, numbers(1))
    server.jobs.fail("load", "backendError", times=100)

    with pytest.raises(WarehouseError, match="backendError"):
        warehouse.load([newest(lake)])

    assert jobs_of(server, "part0") == ["1", "2", "3"]


REFUSALS = {
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


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_name_the_setting_and_change_nothing(lake, server, warehouse, case):
    (pattern, *refusal), told = REFUSALS[case]
    delta(lake, numbers(1))
    server.refuse(pattern, *refusal)

    with pytest.raises(WarehouseError, match=told) as error:
        warehouse.load([newest(lake)])

    assert "upload_id" not in str(error.value)
    assert warehouse.versions() == {}


def test_a_dataset_that_lies_elsewhere_is_not_written_to(lake, server):
    delta(lake, numbers(1))
    server.catalogue.create_dataset(DATASET | {"location": "US"})
    warehouse = open_warehouse(f"{URL}?location=EU")

    for ask in (lambda: warehouse.load([newest(lake)]), warehouse.versions):
        with pytest.raises(
            WarehouseError, match=r"reviews is in US, not in EU; correct \?location="
        ):
            ask()
    assert server.catalogue.tables == {}


def test_a_project_that_is_not_there_is_named(lake, server):
    delta(lake, numbers(1))

    with pytest.raises(WarehouseError, match=r"\(other-project\.reviews\) in AMAZON_REVIEWS_WAREH"):
        open_warehouse("bigquery://other-project/reviews").load([newest(lake)])


def test_missing_credentials_say_how_to_get_some(lake, tmp_path, monkeypatch):
    delta(lake, numbers(1))
    for name in ("BIGQUERY_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")

    with pytest.raises(WarehouseError, match=r"GOOGLE_APPLICATION_CREDENTIALS.*gcloud auth"):
        open_warehouse(URL).load([newest(lake)])


@pytest.fixture
def service_account(server, tmp_path, monkeypatch):
    """The key file of an account of which the service itself gives out the tokens."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {
        "type": "service_account",
        "client_email": "loader@test-project.iam.gserviceaccount.com",
        "token_uri": f"{server.url}/token",
        "private_key": private,
    }
    file = tmp_path / "key.json"
    file.write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    return private


def test_a_service_account_is_used(lake, server, warehouse, service_account):
    delta(lake, numbers(1))
    server.tokens = {"good"}

    warehouse.load([newest(lake)])

    assert found(warehouse) == [1]
    assert asked(server, "POST /token") == 1


def test_credentials_that_are_refused_are_named_and_not_shown(
    lake, server, warehouse, service_account
):
    delta(lake, numbers(1))
    server.tokens = {"other"}

    with pytest.raises(WarehouseError, match="renew the key file that GOOGLE_APPLIC") as error:
        warehouse.load([newest(lake)])

    assert "good" not in str(error.value)
    assert not set(service_account.splitlines()) & set(str(error.value).split())


def test_nobody_is_let_in_without_a_token(lake, server, warehouse):
    delta(lake, numbers(1))
    server.tokens = {"good"}

    with pytest.raises(WarehouseError, match="there are no credentials for Google Cloud"):
        warehouse.load([newest(lake)])
