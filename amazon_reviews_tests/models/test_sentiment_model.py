"""The sentiment model on synthetic reviews: training, prediction, explanation, files."""

import zipfile

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from amazon_reviews.errors import ModelFileError
from amazon_reviews.models.sentiment import storage
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import evaluate
from amazon_reviews.models.sentiment.explanation import explain, strongest_words
from amazon_reviews.models.sentiment.features import Features, Weighting
from amazon_reviews.models.sentiment.regression import ChunkedRegression
from amazon_reviews.models.sentiment.storage import load, model_version, save
from amazon_reviews.models.sentiment.tasks import TASKS
from amazon_reviews_tests.models.reviews import examples, synthetic_reviews


@pytest.fixture(scope="module")
def model():
    return SentimentClassifier(bits=16).fit(synthetic_reviews(2_000))


@pytest.fixture(scope="module")
def held_out():
    return synthetic_reviews(1_000, seed=1)


def test_model_predicts_probabilities_for_all_tasks(model, held_out):
    for name, task in TASKS.items():
        probabilities = model.predict_proba(held_out, name)
        assert probabilities.shape == (len(held_out), len(task.classes))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert model.predict(["great", "broke"]).tolist() == ["positive", "negative"]
    assert set(model.predict(held_out, "five")) <= set("12345")


def test_model_ranks_well_and_is_calibrated(model, held_out):
    figures = evaluate(held_out, model.predict_proba(held_out), TASKS["binary"], "v").metrics
    assert figures.auc > 0.93
    assert figures.accuracy > 0.93
    assert figures.ece < 0.03


def test_model_of_chunks_predicts_nearly_the_same(model, held_out):
    whole = synthetic_reviews(2_000)
    chunks = (whole.slice(begin, 300) for begin in range(0, 2_000, 300))
    streamed = SentimentClassifier(bits=16, chunk_rows=500).fit(chunks)
    assert streamed.rows_ == model.rows_
    predicted = [classifier.predict(held_out) for classifier in (model, streamed)]
    assert (predicted[0] == predicted[1]).mean() > 0.95


def test_model_does_not_depend_on_the_size_of_input_chunks(held_out):
    whole = synthetic_reviews(600)
    cut = [whole.slice(begin, 70) for begin in range(0, 600, 70)]
    models = [SentimentClassifier(("binary",), bits=14).fit(some) for some in (whole, cut)]
    assert model_version(models[0]) == model_version(models[1])


def test_same_seed_gives_the_same_model_with_or_without_unrated_reviews():
    reviews = synthetic_reviews(600)
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
def test_model_of_noise_is_uncertain_on_its_training_data(chunk_rows):
    random = np.random.default_rng(0)
    texts = [f"word{k} thing{k}" for k in range(1_200)]
    reviews = examples(
        texts, random.choice([1, 5], 1_200), reviewer_id=[f"A{k}" for k in range(1_200)]
    )
    model = SentimentClassifier(("binary",), bits=16, chunk_rows=chunk_rows).fit(reviews)
    assert np.abs(model.predict_proba(reviews) - 0.5).mean() < 0.3


@pytest.mark.parametrize("balance", ["weights", "undersampling", "none"])
def test_all_balances_learn_rare_classes(balance, held_out):
    reviews = synthetic_reviews(3_000, bad_share=0.05)
    model = SentimentClassifier(("binary",), bits=14, balance=balance).fit(reviews)
    assert evaluate(held_out, model.predict_proba(held_out), TASKS["binary"], "").metrics.auc > 0.9


def test_balance_by_weights_raises_the_weight_of_a_rare_class():
    reviews = synthetic_reviews(3_000, bad_share=0.05)
    means = {}
    for balance in ("weights", "none"):
        model = SentimentClassifier(("binary",), bits=14, balance=balance).fit(reviews)
        means[balance] = model.scores(reviews).mean()
    assert means["weights"] < means["none"]


def test_single_chunk_equals_the_regularised_logistic_regression():
    reviews = synthetic_reviews(800)
    counts = Features(12).matrix(reviews.summaries, reviews.texts)
    rows, positive = Weighting.of(counts).apply(counts), reviews.stars > 3
    weights = np.where(positive, 1.0, 2.0)
    chunked = ChunkedRegression(rows.shape[1], 5.0)
    chunked.update(rows, positive, weights)
    reference = LogisticRegression(C=5.0, fit_intercept=False, solver="liblinear", tol=1e-6)
    reference.fit(rows, positive, sample_weight=weights)
    np.testing.assert_allclose(chunked.mean, reference.coef_[0], atol=0.02)


def test_explanation_lists_the_decisive_words(model):
    explanation = explain(model, "the box came with a day and broke")
    assert explanation.label == "negative"
    assert explanation.probability > 0.8
    assert explanation.reasons[0].words == "broke"
    assert explanation.reasons[0].weight > 0
    against = explain(model, "great great item but broke refund")
    assert min(reason.weight for reason in against.reasons) < 0


def test_reasons_add_up_to_the_log_odds(model):
    text = "Not great, it broke!"
    explanation = explain(model, text, summary="waste", most=1_000)
    base = model.predict_proba([""])[0]
    odds = np.log(explanation.probability / (1 - explanation.probability))
    empty = np.log(base[0] / base[1]) * (1 if explanation.label == "negative" else -1)
    total = sum(reason.weight for reason in explanation.reasons)
    assert total == pytest.approx(odds - empty, abs=1e-3)


def test_strongest_words_are_those_that_indicate_a_class(model):
    strongest = strongest_words(model, synthetic_reviews(2_000), most=4)
    by_label = {
        label: {word.words for word in strongest if word.label == label}
        for label in ("negative", "positive")
    }
    assert len(by_label["negative"] & {"terrible", "broke", "refund", "waste"}) >= 3
    assert len(by_label["positive"] & {"great", "love", "perfect", "excellent"}) >= 3
    assert all(word.count >= 10 for word in strongest)


def test_loaded_model_predicts_the_same(model, held_out, tmp_path):
    path = tmp_path / "model.npz"
    save(model, path)
    again = load(path)
    assert model_version(again) == model_version(model)
    for task in TASKS:
        np.testing.assert_array_equal(
            again.predict_proba(held_out, task), model.predict_proba(held_out, task)
        )
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.npz"]


def test_model_file_with_a_deprecated_task_is_loaded_with_its_new_name(model, held_out, tmp_path):
    path = tmp_path / "model.npz"
    arrays, facts = storage._parts(model)
    facts["parameters"]["tasks"] = ["binary", "label_a", "three", "five"]
    facts["calibrations"]["label_a"] = facts["calibrations"].pop("negative_up_to_3")
    storage.FORMAT.write(path, arrays, facts)

    loaded = load(path)

    assert loaded.tasks == model.tasks
    for task in ("label_a", "negative_up_to_3"):
        np.testing.assert_array_equal(
            loaded.predict_proba(held_out, task), model.predict_proba(held_out, "negative_up_to_3")
        )


def test_damaged_and_foreign_files_raise(model, tmp_path):
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


def test_model_file_with_changed_content_raises(model, tmp_path):
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


def test_task_that_was_not_learned_raises():
    model = SentimentClassifier(("binary",), bits=12).fit(synthetic_reviews(300))
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
def test_invalid_parameters_and_labels_raise(parameters, stars, message):
    with pytest.raises(ValueError, match=message):
        SentimentClassifier(**parameters).fit(examples(["good", "bad"], stars))
