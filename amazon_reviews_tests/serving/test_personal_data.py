"""Personal data in the dashboard: no ids, no rare names, and pseudonyms with a key only."""

import hashlib
import hmac
from base64 import b32encode

import pytest
from streamlit.testing.v1 import AppTest

from amazon_reviews import config
from amazon_reviews.errors import SettingsError
from amazon_reviews.serving.dashboard.pseudonyms import pseudonymizer
from amazon_reviews.serving.queries import customers
from amazon_reviews_tests.serving import synthetic_titles
from amazon_reviews_tests.serving.scripts import prepare_scripts
from amazon_reviews_tests.serving.synthetic import RARE_NAME


@pytest.fixture(scope="module")
def ids(reviews):
    """The ids of all reviewers."""
    return {review["reviewer_id"] for review in reviews}


def _script(module, part):
    # Streamlit runs the text of this function only.
    from importlib import import_module

    from amazon_reviews.serving.dashboard.warehouse import read_versions
    from amazon_reviews.serving.queries.filters import Filters

    read_versions()
    view = import_module(f"amazon_reviews.serving.dashboard.views.{module}")
    getattr(view, part)(*([] if part == "show" else [Filters()]))


@pytest.fixture
def run(warehouse_url, models, monkeypatch):
    """Return a function that runs a part of a page in this process, with a key of pseudonyms."""

    def run(module, part, key=""):
        monkeypatch.setenv(config.WAREHOUSE, warehouse_url)
        monkeypatch.setenv(config.MODELS, str(models))
        monkeypatch.setenv(config.PSEUDONYM_KEY, key)
        prepare_scripts()
        script = AppTest.from_function(
            _script, default_timeout=60, kwargs={"module": module, "part": part}
        )
        app = script.run()
        assert not app.exception
        return app

    return run


def found(app, ids):
    """Return the ids and rare names in what a run of a page sends to the browser."""
    protos = [getattr(node, "proto", None) for node in app.main]
    content = b"".join(p.SerializeToString() for p in protos if p is not None).decode("latin-1")
    assert len(content) > 500
    return [each for each in (*ids, RARE_NAME) if each in content]


@pytest.mark.parametrize(("module", "part"), [("customers", "_names"), ("product", "show")])
def test_the_dashboard_sends_no_ids_and_no_rare_names(run, ids, module, part):
    assert found(run(module, part), ids) == []


def test_without_a_key_no_customer_is_shown_or_chosen(run, ids):
    phrases = run("customers", "_phrases")
    recommendations = run("recommendations", "_customer")
    predicted = run("titles", "_predict")

    assert phrases.dataframe[0].value.columns.tolist() == ["summary", "place", "uses"]
    assert not recommendations.selectbox
    assert not recommendations.text_input
    assert len(recommendations.dataframe[0].value) == 10
    assert predicted.selectbox[0].options == ["an average user"]
    for app in (phrases, recommendations, predicted):
        notes = [note.value for note in (*app.caption, *app.info)]
        assert any(config.PSEUDONYM_KEY in note for note in notes)
        assert found(app, ids) == []


def test_with_a_key_a_phrase_names_a_customer_who_can_be_chosen(run, ids, warehouse, reviews):
    key = "secret of this test"
    rows = customers.phrases_with_ids(warehouse).to_pylist()
    phrases = run("customers", "_phrases", key)
    names = phrases.dataframe[0].value["customer"].tolist()

    app = run("recommendations", "_customer", key)

    (chosen,) = app.selectbox
    assert found(phrases, ids) == found(app, ids) == []
    assert {*names} <= {*chosen.options}
    customer = rows[-1]["reviewer_id"]
    app = chosen.select(names[-1]).run()
    history = app.dataframe[1].value
    assert len(history) == sum(review["reviewer_id"] == customer for review in reviews)
    assert "summary" not in history.columns


def test_with_a_key_ratings_of_users_are_predicted_by_pseudonym(run):
    model = synthetic_titles.predictor()
    app = run("titles", "_predict", "secret of this test")

    names = app.selectbox[0].options[1:]

    of = {pseudonymizer()(user): user for user in model.user_ids.tolist()}
    assert names == sorted(names)
    assert {*names} <= {*of}
    title = app.selectbox[1].value
    app = app.selectbox[0].select(names[0]).run()
    expected = model.predict_rating(of[names[0]], title).rating
    assert app.metric[0].value == f"{expected:.1f} of 5"


def test_a_pseudonym_is_a_keyed_hash_and_needs_a_long_key(monkeypatch):
    pseudonyms = []
    for key in ("k" * 16, "l" * 16):
        monkeypatch.setenv(config.PSEUDONYM_KEY, key)
        expected = hmac.new(key.encode(), b"A2OCDK0BOW6UCY", hashlib.sha256).digest()[:5]
        pseudonyms.append(pseudonymizer()("A2OCDK0BOW6UCY"))
        assert pseudonyms[-1] == b32encode(expected).decode().lower()
    assert len({*pseudonyms}) == 2

    monkeypatch.setenv(config.PSEUDONYM_KEY, "")
    assert pseudonymizer() is None
    monkeypatch.setenv(config.PSEUDONYM_KEY, "short secret")
    with pytest.raises(SettingsError, match=config.PSEUDONYM_KEY) as raised:
        config.load()
    assert "short secret" not in str(raised.value)
    assert "kkkk" not in repr(config.load({config.PSEUDONYM_KEY: "k" * 16}))
