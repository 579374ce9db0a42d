"""The sentiment model on made-up reviews: learning, answering, explaining, keeping."""

import zipfile

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from amazon_reviews.errors import ModelFileError
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import evaluate
from amazon_reviews.models.sentiment.explanation import explain, strongest_words
from amazon_reviews.models.sentiment.features import Features, Weighting
from amazon_reviews.models.sentiment.grid import search
from amazon_reviews.models.sentiment.regression import ChunkedRegression
from amazon_reviews.models.sentiment.storage import load, model_version, save
from amazon_reviews.models.sentiment.tasks import TASKS
from amazon_reviews_tests.models.reviews import examples, made_up


@pytest.fixture(scope="module")
def model():
    return SentimentClassifier(bits=16).fit(made_up(2_000))


@pytest.fixture(scope="module")
def held_out():
    return made_up(1_000, seed=1)


def test_it_answers_every_task_with_probabilities(model, held_out):
    for name, task in TASKS.items():
        chances = model.predict_proba(held_out, name)
        assert chances.shape == (len(held_out), len(task.classes))
        np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert model.predict(["great", "broke"]).tolist() == ["positive", "negative"]
    assert set(model.predict(held_out, "five")) <= set("12345")


def test_it_ranks_and_is_calibrated(model, held_out):
    found = evaluate(held_out, model.predict_proba(held_out), TASKS["binary"], "v").metrics
    assert found.auc > 0.93
    assert found.accuracy > 0.93
    assert found.ece < 0.03


def test_chunks_one_by_one_learn_nearly_the_same(model, held_out):
    whole = made_up(2_000)
    chunks = (whole.slice(begin, 300) for begin in range(0, 2_000, 300))
    streamed = SentimentClassifier(bits=16, chunk_rows=500).fit(chunks)
    assert streamed.rows_ == model.rows_
    answers = [some.predict(held_out) for some in (model, streamed)]
    assert (answers[0] == answers[1]).mean() > 0.95


def test_how_a_chunk_is_cut_makes_no_difference(held_out):
    whole = made_up(600)
    cut = [whole.slice(begin, 70) for begin in range(0, 600, 70)]
    models = [SentimentClassifier(("binary",), bits=14).fit(some) for some in (whole, cut)]
    assert model_version(models[0]) == model_version(models[1])


def test_the_same_seed_gives_the_same_model_and_unrated_reviews_do_not_count():
    reviews = made_up(600)
    with_unrated = examples(
        [*reviews.texts.to_pylist(), "terrible", "great"],
        [*reviews.stars, 0, None],
        summary=[*reviews.summaries.to_pylist(), None, None],
        reviewer_id=[*reviews.users.to_pylist(), "B", "C"],
    )
    base = SentimentClassifier(("binary",), bits=14, balance="undersampling")
    versions = [model_version(clone(base).fit(some)) for some in (reviews, with_unrated)]
    assert versions[0] == versions[1]
    assert model_version(clone(base).set_params(seed=1).fit(reviews)) != versions[0]


@pytest.mark.parametrize("chunk_rows", [400, 50_000])
def test_of_noise_it_is_unsure_even_where_it_learned(chunk_rows):
    random = np.random.default_rng(0)
    texts = [f"word{k} thing{k}" for k in range(1_200)]
    reviews = examples(
        texts, random.choice([1, 5], 1_200), reviewer_id=[f"A{k}" for k in range(1_200)]
    )
    model = SentimentClassifier(("binary",), bits=16, chunk_rows=chunk_rows).fit(reviews)
    assert np.abs(model.predict_proba(reviews) - 0.5).mean() < 0.3


@pytest.mark.parametrize("balance", ["weights", "undersampling", "none"])
def test_every_balance_learns_rare_classes(balance, held_out):
    reviews = made_up(3_000, bad_share=0.05)
    model = SentimentClassifier(("binary",), bits=14, balance=balance).fit(reviews)
    assert evaluate(held_out, model.predict_proba(held_out), TASKS["binary"], "").metrics.auc > 0.9


def test_weights_let_a_rare_class_weigh_as_much_as_the_other():
    reviews = made_up(3_000, bad_share=0.05)
    means = {}
    for balance in ("weights", "none"):
        model = SentimentClassifier(("binary",), bits=14, balance=balance).fit(reviews)
        means[balance] = model.scores(reviews).mean()
    assert means["weights"] < means["none"]


def test_a_single_chunk_is_the_regularised_logistic_regression():
    reviews = made_up(800)
    counts = Features(12).matrix(reviews.summaries, reviews.texts)
    rows, positive = Weighting.of(counts).apply(counts), reviews.stars > 3
    weights = np.where(positive, 1.0, 2.0)
    own = ChunkedRegression(rows.shape[1], 5.0)
    own.update(rows, positive, weights)
    other = LogisticRegression(C=5.0, fit_intercept=False, solver="liblinear", tol=1e-6)
    other.fit(rows, positive, sample_weight=weights)
    np.testing.assert_allclose(own.mean, other.coef_[0], atol=0.02)


def test_it_explains_its_answer_by_the_words_that_decided(model):
    found = explain(model, "the box came with a day and broke")
    assert found.label == "negative"
    assert found.probability > 0.8
    assert found.reasons[0].words == "broke"
    assert found.reasons[0].weight > 0
    against = explain(model, "great great item but broke refund")
    assert min(reason.weight for reason in against.reasons) < 0


def test_reasons_add_up_to_the_answers_log_odds(model):
    text = "Not great, it broke!"
    found = explain(model, text, summary="waste", most=1_000)
    base = model.predict_proba([""])[0]
    odds = np.log(found.probability / (1 - found.probability))
    empty = np.log(base[0] / base[1]) * (1 if found.label == "negative" else -1)
    assert sum(reason.weight for reason in found.reasons) == pytest.approx(odds - empty, abs=1e-3)


def test_the_strongest_words_are_those_that_tell(model):
    found = strongest_words(model, made_up(2_000), most=4)
    by_label = {
        label: {word.words for word in found if word.label == label}
        for label in ("negative", "positive")
    }
    assert len(by_label["negative"] & {"terrible", "broke", "refund", "waste"}) >= 3
    assert len(by_label["positive"] & {"great", "love", "perfect", "excellent"}) >= 3
    assert all(word.count >= 10 for word in found)


def test_a_saved_model_answers_the_same(model, held_out, tmp_path):
    path = tmp_path / "model.npz"
    save(model, path)
    again = load(path)
    assert model_version(again) == model_version(model)
    for task in TASKS:
        np.testing.assert_array_equal(
            again.predict_proba(held_out, task), model.predict_proba(held_out, task)
        )
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.npz"]


def test_damaged_and_foreign_files_are_refused(model, tmp_path):
    path = tmp_path / "model.npz"
    save(model, path)
    whole = path.read_bytes()
    damaged = [
        whole[:-100],
        whole[:100],
        b"",
        b"hello",
        flipped(whole, 200),
        flipped(whole, -2_000),
    ]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"model\.npz"):
            load(path)
    np.savez(path, weights=np.zeros(3))
    with pytest.raises(ModelFileError):
        load(path)
    np.savez(path, facts=np.array([{"pickled": 1}], dtype=object))
    with pytest.raises(ModelFileError):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.npz")


def test_a_model_whose_content_was_exchanged_is_refused(model, tmp_path):
    path = tmp_path / "model.npz"
    save(model, path)
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["weights"] = arrays["weights"] * 2
    np.savez(path, **arrays)
    with pytest.raises(ModelFileError, match="damaged"):
        load(path)
    assert zipfile.is_zipfile(path)


def flipped(content, at):
    changed = bytearray(content)
    changed[at] ^= 0xFF
    return bytes(changed)


def test_a_task_it_has_not_learned_is_refused():
    model = SentimentClassifier(("binary",), bits=12).fit(made_up(300))
    with pytest.raises(ValueError, match=r"'five'.*binary"):
        model.predict_proba(["good"], "five")


@pytest.mark.parametrize(
    ("parameters", "stars", "message"),
    [
        ({"tasks": ("mood",)}, [1, 5], "mood"),
        ({"tasks": ()}, [1, 5], "no task"),
        ({"balance": "some"}, [1, 5], "some"),
        ({}, [0, 0], "no rated review"),
        ({}, [5, 5], "two classes"),
    ],
)
def test_what_cannot_be_learned_is_refused(parameters, stars, message):
    with pytest.raises(ValueError, match=message):
        SentimentClassifier(**parameters).fit(examples(["good", "bad"], stars))


def test_the_grid_puts_the_lowest_log_loss_first():
    trials = search(made_up(500), grid={"strength": (0.001, 50.0), "bits": (12,)})
    assert [trial.parameters["strength"] for trial in trials] == [50.0, 0.001]
    assert all(len(trial.folds) == 3 for trial in trials)
