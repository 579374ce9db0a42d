"""Recommenders in files: same rankings after loading; damaged files raise, and are replaced."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from amazon_reviews.errors import ModelFileError
from amazon_reviews.models.recommender.factors import ImplicitALS
from amazon_reviews.models.recommender.methods import METHODS, method_named
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.models.recommender.products import Facts, describe
from amazon_reviews.models.recommender.storage import load, model_version, save
from amazon_reviews.pipeline.recommender.publish import publish
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews_tests.models.interactions import tastes


@pytest.fixture(scope="module")
def known():
    sample = tastes(80, 40)
    facts = [Facts(title=f"Thing {k}", categories=(f"c{k % 4}",)) for k in range(40)]
    return replace(sample, products=describe(enumerate(facts), len(facts)))


def saved(known, method, path, **parameters):
    recommender = METHODS[method]() if not parameters else ImplicitALS(**parameters)
    recommender.fit(known)
    model = RecommenderModel(method, recommender, known.user_ids, known.item_ids)
    save(model, path)
    return model


@pytest.mark.parametrize("method", METHODS)
def test_loaded_model_ranks_as_the_saved_one(known, tmp_path, method):
    model = saved(known, method, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.method == method
    assert type(loaded.recommender) is type(method_named(method))
    assert model_version(loaded) == model_version(model)
    np.testing.assert_array_equal(loaded.user_ids, known.user_ids)
    users = np.arange(-1, 80)
    for query in ("recommend", "similar"):
        before, after = (
            getattr(version.recommender, query)(users[:40], 12) for version in (model, loaded)
        )
        np.testing.assert_array_equal(after.items, before.items)
        np.testing.assert_array_equal(after.scores, before.scores)
        np.testing.assert_array_equal(after.cold, before.cold)
    if loaded.recommender.rates:
        pairs = users, users % 40
        expected = model.recommender.predict(*pairs)
        np.testing.assert_array_equal(loaded.recommender.predict(*pairs), expected)


def test_model_version_identifies_the_content(known, tmp_path):
    first = saved(known, "ials", tmp_path / "a", factors=4)
    same = saved(known, "ials", tmp_path / "b", factors=4)
    other = saved(known, "ials", tmp_path / "c", factors=5)
    assert model_version(first) == model_version(same) != model_version(other)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


def test_arrays_are_readable_by_numpy_alone(known, tmp_path):
    saved(known, "ials", tmp_path / "model", factors=4)
    with np.load(tmp_path / "model", allow_pickle=False) as stored:
        assert stored["user_factors_"].shape == (80, 4)
        assert stored["item_ids"].tolist() == known.item_ids.tolist()


def test_files_keep_the_array_names_of_earlier_releases(known, tmp_path):
    model = saved(known, "hybrid", tmp_path / "model")
    with np.load(tmp_path / "model", allow_pickle=False) as stored:
        assert {"seen_.data", "bm25.alike_.data"} <= set(stored.files)
        assert b'"asked": 1000' in stored["facts"].tobytes()
    assert load(tmp_path / "model").recommender.tuning_users == model.recommender.tuning_users


def test_damaged_file_raises(known, tmp_path):
    path = tmp_path / "model"
    saved(known, "popularity", path)
    content = path.read_bytes()
    for damaged in (b"", b"text", content[: len(content) // 2], content[:-40]):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=str(path)):
            load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")


def test_changed_or_foreign_file_raises(known, tmp_path):
    path = tmp_path / "model"
    saved(known, "popularity", path)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    changed = arrays | {"scores_": arrays["scores_"] + 1}
    for content, message in (
        (changed, "damaged, its content is not what was saved"),
        ({"a": np.zeros(3)}, "not a recommender"),
        (arrays | {"facts": _facts(arrays, b'"format_version": 2', b'"format_version": 9')}, "9"),
        (arrays | {"facts": _facts(arrays, b"amazon-reviews", b"amazing-review")}, "not a recom"),
    ):
        with path.open("wb") as file:
            np.savez(file, **content)
        with pytest.raises(ModelFileError, match=message):
            load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("facts.npy", b"nothing")
    with pytest.raises(ModelFileError):
        load(path)


def _facts(arrays, old, new):
    return np.frombuffer(arrays["facts"].tobytes().replace(old, new), np.uint8)


@pytest.mark.parametrize("lost", [False, True], ids=["damaged", "lost"])
def test_current_file_that_cannot_be_read_is_replaced(known, tmp_path, empty_store, caplog, lost):
    empty_store(tmp_path / "models")
    store, model = ModelStore(tmp_path / "models"), saved(known, "popularity", tmp_path / "model")
    first = publish(store, "some", model, Record()).stored
    assert publish(store, "some", model, Record()).stored == first
    first.path.unlink() if lost else first.path.write_bytes(b"damaged")

    second = publish(store, "some", model, Record())

    assert store.current("some") == second.stored
    assert model_version(load(second.stored.path)) == second.model_version
    assert "the current model some is replaced, as it is damaged" in caplog.text
