"""The model store: versions, the alias, what is remembered, and what fails."""

import os
import socket

import pytest
from mlflow import MlflowClient

from amazon_reviews.errors import LocationError
from amazon_reviews.resources.model_store import ModelStore, Record

RECORD = Record(parameters={"bits": 20}, metrics={"auc": 0.9}, tags={"model_version": "abc"})


@pytest.fixture
def store(tmp_path, empty_store):
    empty_store(tmp_path / "models")
    return ModelStore(tmp_path / "models")


@pytest.fixture
def client(store):
    return MlflowClient(f"sqlite:///{store.folder}/mlflow.db")


def publish(store, tmp_path, text, in_use=True):
    path = tmp_path / "some.model"
    path.write_text(text)
    return store.publish("some", path, RECORD, in_use=in_use)


def test_without_a_store_there_is_no_model_and_nothing_is_made(tmp_path):
    store = ModelStore(tmp_path / "models")

    assert store.current("some") is None
    assert not store.folder.exists()


def test_the_newest_that_was_put_in_use_is_in_use(store, tmp_path):
    publish(store, tmp_path, "first")
    publish(store, tmp_path, "second")
    publish(store, tmp_path, "third", in_use=False)

    found = store.current("some")
    assert (found.version, found.path.read_text()) == (2, "second")
    assert ModelStore(store.folder).current("some") == found
    assert store.current("other") is None


def test_what_was_recorded_lies_beside_the_model(store, client, tmp_path):
    stored = publish(store, tmp_path, "first")
    store.attach(stored, {"five.accuracy": 0.5}, {"curve": b"png"})

    version = client.get_model_version_by_alias("some", "champion")
    run = client.get_run(version.run_id)
    assert run.data.params == {"bits": "20"}
    assert run.data.metrics == {"auc": 0.9, "five.accuracy": 0.5}
    assert run.info.status == "FINISHED"
    assert version.tags == {"model_version": "abc"}
    assert [path.path for path in client.list_artifacts(version.run_id, "figures")] == [
        "figures/curve.png"
    ]


def test_an_alias_that_somebody_moves_counts_at_once(store, client, tmp_path):
    publish(store, tmp_path, "first")
    publish(store, tmp_path, "second")
    assert store.current("some").version == 2
    client.set_registered_model_alias("some", "champion", "1")

    assert store.current("some").path.read_text() == "first"


def test_what_is_in_use_is_remembered_while_the_store_is_as_it_was(store, tmp_path, monkeypatch):
    publish(store, tmp_path, "first")
    found = store.current("some")

    def asked(self):
        raise AssertionError("MLflow was asked")

    monkeypatch.setattr(ModelStore, "_client", asked)
    assert store.current("some") == found
    (store.folder / "in_use.json").write_text("{damaged")
    with pytest.raises(AssertionError):
        store.current("some")


def test_a_publication_that_breaks_off_leaves_the_one_before(store, tmp_path, monkeypatch):
    publish(store, tmp_path, "first")
    monkeypatch.setattr(MlflowClient, "create_model_version", _fail)

    with pytest.raises(LocationError, match="full disk"):
        publish(store, tmp_path, "second")
    assert store.current("some").path.read_text() == "first"


def _fail(*arguments, **options):
    raise OSError("full disk")


def test_a_file_that_is_gone_is_named(store, tmp_path):
    publish(store, tmp_path, "first").path.unlink()

    with pytest.raises(LocationError, match=r"version 1 is gone.*materialize the asset model/some"):
        store.current("some")


def test_a_damaged_database_names_the_setting(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 1000)

    with pytest.raises(LocationError, match="AMAZON_REVIEWS_MODELS"):
        ModelStore(tmp_path).current("some")


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(LocationError, match=r"MLFLOW_TRACKING_URI: http://127\.0\.0\.1") as raised:
        ModelStore(tmp_path, address).current("some")
    assert "secret" not in str(raised.value)
