"""The model store: versions, the alias of the current one, its memo, and failures."""

import json
import os
import socket
import subprocess
import sys
from functools import partialmethod
from hashlib import sha256

import numpy as np
import pytest
from mlflow import MlflowClient

from amazon_reviews.errors import LocationError, ModelFileError
from amazon_reviews.resources.mlflow_registry import MlflowRegistry
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews.schemas.built import Built
from amazon_reviews_tests.damage import flip

BUILT = Built(7 << 19, {"gold/reviews": 3}, {"balanced": True})
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
    assert version.tags == {"model_version": "abc", "sha256": sha256(b"first").hexdigest()}
    assert [path.path for path in client.list_artifacts(version.run_id, "figures")] == [
        "figures/curve.png"
    ]


def test_every_changed_byte_of_the_current_model_is_noticed(store, tmp_path):
    publish(store, tmp_path, "first")
    store.check("some")
    store.check("other")
    path = store.current("some").path
    for place in range(len("first")):
        flip(path, place)
        with pytest.raises(ModelFileError, match=r"some\.model is damaged \(its bytes differ"):
            store.check("some")
        flip(path, place)
    store.check("some")


def test_a_model_of_an_earlier_release_is_checked_by_its_parts(store, client, tmp_path):
    np.savez(tmp_path / "some.npz", weights=np.arange(1_000))
    store.publish("some", tmp_path / "some.npz", RECORD, make_current=True)
    client.delete_model_version_tag("some", "1", "sha256")
    store.check("some")
    flip(store.current("some").path)

    with pytest.raises(ModelFileError, match=r"part weights\.npy is damaged"):
        store.check("some")


def test_alias_moved_by_a_person_counts_at_once(store, client, tmp_path):
    publish(store, tmp_path, "first")
    publish(store, tmp_path, "second")
    assert store.current("some").version == 2
    client.set_registered_model_alias("some", "champion", "1")

    assert store.current("some").path.read_text() == "first"


def test_current_model_is_remembered_until_the_store_changes(store, tmp_path, monkeypatch):
    publish(store, tmp_path, "first")
    model = store.current("some")

    forbid_requests(monkeypatch)
    assert store.current("some") == model
    assert store.current("other") is None
    (store.folder / "current.json").write_text("{damaged")
    with pytest.raises(AssertionError):
        store.current("some")


def forbid_requests(monkeypatch):
    def forbidden(self):
        raise AssertionError("MLflow was loaded")

    monkeypatch.setattr(ModelStore, "_registry", forbidden)


def test_missing_store_has_no_record_and_is_not_created(tmp_path):
    store = ModelStore(tmp_path / "models")

    assert (store.records(), store.lost()) == ({}, {})
    assert not store.folder.exists()


def test_record_of_a_model_is_replaced_and_needs_no_version(store, tmp_path):
    publish(store, tmp_path, "first")
    assert store.records() == {}
    newer = Built(8 << 19)
    for name, built in (("some", BUILT), ("tried", BUILT), ("some", newer)):
        store.record(name, built)

    assert store.records() == ModelStore(store.folder).records() == {"some": newer, "tried": BUILT}
    assert store.current("some").path.read_text() == "first"
    assert store.current("tried") is None
    assert store.lost() == {}


def test_records_are_read_from_all_pages(store, monkeypatch):
    for name in ("a", "b", "c"):
        store.record(name, BUILT)
    search = MlflowClient.search_registered_models
    one = partialmethod(search, max_results=1)
    monkeypatch.setattr(MlflowClient, "search_registered_models", one)

    assert store.records() == {"a": BUILT, "b": BUILT, "c": BUILT}


def test_damaged_record_is_left_out(store, client):
    store.record("good", BUILT)
    for name, text in (("cut", BUILT.to_json()[:-5]), ("list", "[1]"), ("empty", "")):
        client.create_registered_model(name, tags={"built": text})

    assert store.records() == {"good": BUILT}


def test_records_of_an_unchanged_store_need_no_mlflow(store, tmp_path):
    publish(store, tmp_path, "first")
    store.record("some", BUILT)
    store.records()
    code = (
        "import sys; from pathlib import Path\n"
        "from amazon_reviews.resources.model_store import ModelStore\n"
        "store = ModelStore(Path(sys.argv[1]))\n"
        "print(store.records()['some'].to_json()); print(store.lost(), store.current('other'))\n"
        "print({'mlflow', 'sqlalchemy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, store.folder]
    process = subprocess.run(command, capture_output=True, text=True)

    expected = [BUILT.to_json(), "{} None", "set()"]
    assert process.stdout.splitlines() == expected, process.stderr


def test_changed_record_counts_at_once(store, client):
    store.record("some", BUILT)
    assert store.records() == {"some": BUILT}
    client.set_registered_model_tag("some", "built", Built(9).to_json())

    assert store.records() == {"some": Built(9)}


@pytest.mark.parametrize(
    "damage",
    [
        lambda memo: {"state": memo["state"], "models": {"some": {"version": 1, "path": "x"}}},
        lambda memo: memo | {"registered": []},
        lambda memo: memo | {"registered": {"some": {"version": 1, "path": "x"}}},
        lambda memo: memo | {"registered": {"some": None}},
        lambda memo: [memo],
    ],
    ids=["of an earlier release", "a list", "without a record", "without a model", "no object"],
)
def test_memo_that_cannot_be_used_is_replaced(store, damage, monkeypatch):
    store.record("some", BUILT)
    assert store.records() == {"some": BUILT}
    memo = store.folder / "current.json"
    memo.write_text(json.dumps(damage(json.loads(memo.read_text()))))

    assert store.records() == {"some": BUILT}
    forbid_requests(monkeypatch)
    assert store.records() == {"some": BUILT}


def test_failed_publication_leaves_the_current_model(store, tmp_path, monkeypatch):
    publish(store, tmp_path, "first")
    monkeypatch.setattr(MlflowClient, "create_model_version", _fail)

    with pytest.raises(LocationError, match="full disk"):
        publish(store, tmp_path, "second")
    assert store.current("some").path.read_text() == "first"


def _fail(*arguments, **options):
    raise OSError("full disk")


def test_lost_file_of_a_current_model_is_named_at_once(store, tmp_path, monkeypatch):
    publish(store, tmp_path, "first")
    stored = publish(store, tmp_path, "second")
    publish(store, tmp_path, "third", make_current=False).path.unlink()
    store.record("some", BUILT)
    assert store.lost() == {}

    stored.path.unlink()
    forbid_requests(monkeypatch)
    assert store.lost() == {"some": f"the file of version 2 is gone: {stored.path}"}
    assert store.records() == {"some": BUILT}
    assert store.current("some") == stored


def test_file_published_for_a_lost_one_is_current(store, tmp_path):
    publish(store, tmp_path, "first").path.unlink()
    publish(store, tmp_path, "second")

    assert store.lost() == {}
    assert store.current("some").path.read_text() == "second"


def test_records_of_another_tracking_store_are_read_without_the_versions(
    store, tmp_path, monkeypatch
):
    publish(store, tmp_path, "first")
    store.record("some", BUILT)
    monkeypatch.setattr(MlflowClient, "get_model_version", _fail)
    other = ModelStore(tmp_path / "cache", f"sqlite:///{store.folder}/mlflow.db")

    assert other.records() == {"some": BUILT}
    assert not other.folder.exists()


def test_server_is_not_asked_for_lost_files(tmp_path, monkeypatch):
    forbid_requests(monkeypatch)

    assert ModelStore(tmp_path, "http://127.0.0.1:9").lost() == {}


def test_database_that_cannot_be_opened_names_the_setting(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"")
    (tmp_path / ".mlflow.db.lock").mkdir()

    with pytest.raises(LocationError, match="AMAZON_REVIEWS_MODELS"):
        ModelStore(tmp_path).current("some")
    with pytest.raises(LocationError, match="AMAZON_REVIEWS_MODELS"):
        ModelStore(tmp_path).records()
    with pytest.raises(LocationError, match="AMAZON_REVIEWS_MODELS"):
        ModelStore(tmp_path).record("some", BUILT)


def test_damaged_database_is_set_aside(store, tmp_path):
    publish(store, tmp_path, "first")
    (store.folder / "mlflow.db").write_bytes(b"no database" * 1000)

    assert store.current("some") is None
    assert store.records() == {}
    assert (store.folder / "mlflow.db.damaged").read_bytes().startswith(b"no database")


def test_unreachable_server_is_named_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(LocationError, match=r"MLFLOW_TRACKING_URI: http://127\.0\.0\.1") as raised:
        ModelStore(tmp_path, address).current("some")
    assert "secret" not in str(raised.value)


def test_published_model_names_its_run(store, client, tmp_path):
    published = publish(store, tmp_path, "new")

    assert client.get_run(published.run_id).data.metrics == RECORD.metrics
    assert published.url == ""


def test_page_of_a_run_has_no_login(store, client, tmp_path):
    run = client.get_run(publish(store, tmp_path, "new").run_id)
    registry = MlflowRegistry(store.folder, "https://user:secret@host:5000/mlflow/?token=secret")

    assert registry.page(run) == (
        f"https://host:5000/mlflow/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    )
