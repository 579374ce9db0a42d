"""The model store: versions, the alias of the current one, its memo, and failures."""

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


def publish(store, tmp_path, text, make_current=True):
    path = tmp_path / "some.model"
    path.write_text(text)
    return store.publish("some", path, RECORD, make_current=make_current)


def test_missing_store_has_no_model_and_is_not_created(tmp_path):
    store = ModelStore(tmp_path / "models")

    assert store.current("some") is None
    assert not store.folder.exists()


def test_current_model_is_the_newest_published_as_current(store, tmp_path):
    publish(store, tmp_path, "first")
    publish(store, tmp_path, "second")
    publish(store, tmp_path, "third", make_current=False)

    model = store.current("some")
    assert (model.version, model.path.read_text()) == (2, "second")
    assert ModelStore(store.folder).current("some") == model
    assert store.current("other") is None


def test_record_and_figures_are_stored_with_the_model(store, client, tmp_path):
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


def test_alias_moved_by_a_person_counts_at_once(store, client, tmp_path):
    publish(store, tmp_path, "first")
    publish(store, tmp_path, "second")
    assert store.current("some").version == 2
    client.set_registered_model_alias("some", "champion", "1")

    assert store.current("some").path.read_text() == "first"


def test_current_model_is_remembered_until_the_store_changes(store, tmp_path, monkeypatch):
    publish(store, tmp_path, "first")
    model = store.current("some")

    def forbidden(self):
        raise AssertionError("MLflow was loaded")

    monkeypatch.setattr(ModelStore, "_registry", forbidden)
    assert store.current("some") == model
    (store.folder / "current.json").write_text("{damaged")
    with pytest.raises(AssertionError):
        store.current("some")


def test_failed_publication_leaves_the_current_model(store, tmp_path, monkeypatch):
    publish(store, tmp_path, "first")
    monkeypatch.setattr(MlflowClient, "create_model_version", _fail)

    with pytest.raises(LocationError, match="full disk"):
        publish(store, tmp_path, "second")
    assert store.current("some").path.read_text() == "first"


def _fail(*arguments, **options):
    raise OSError("full disk")


def test_missing_model_file_is_named(store, tmp_path):
    publish(store, tmp_path, "first").path.unlink()

    with pytest.raises(LocationError, match=r"version 1 is gone.*materialize the asset model/some"):
        store.current("some")


def test_damaged_database_names_the_setting(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 1000)

    with pytest.raises(LocationError, match="AMAZON_REVIEWS_MODELS"):
        ModelStore(tmp_path).current("some")


def test_unreachable_server_is_named_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(LocationError, match=r"MLFLOW_TRACKING_URI: http://127\.0\.0\.1") as raised:
        ModelStore(tmp_path, address).current("some")
    assert "secret" not in str(raised.value)
