"""Loading and prediction of a star classifier, with a tiny network built by the test."""

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.special import softmax
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from amazon_reviews.errors import StarClassifierError
from amazon_reviews.models.sentiment.star_classifier import StarClassifier

WORDS = {"[PAD]": 0, "[UNK]": 1, "awful": 2, "great": 3, "okay": 4}
LOGITS = np.zeros((len(WORDS), 5), np.float32)
LOGITS[2, 0] = LOGITS[3, 4] = LOGITS[4, 2] = 3.0


def write(folder, logits=LOGITS):
    """Write a network that adds up the logits of all words but the padding."""
    tokenizer = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["each"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["each", "column"], ["known"]),
        helper.make_node("ReduceSum", ["known", "middle"], ["logits"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "stars",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "words"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", logits.shape[1]])],
        [
            numpy_helper.from_array(logits, "words"),
            numpy_helper.from_array(np.array([-1]), "last"),
            numpy_helper.from_array(np.array([1]), "middle"),
        ],
    )
    version = helper.make_opsetid("", 17)
    onnx.save(
        helper.make_model(graph, opset_imports=[version], ir_version=9), folder / "model.onnx"
    )


def test_star_classifier_returns_the_probabilities_of_the_network(tmp_path):
    write(tmp_path)
    texts = ["awful awful", "great", "okay", "great okay awful unheard", ""] * 5

    probabilities = StarClassifier(tmp_path).probabilities(texts)

    sums = [[6, 0, 0, 0, 0], [0, 0, 0, 0, 3], [0, 0, 3, 0, 0], [3, 0, 3, 0, 3], [0] * 5]
    assert probabilities == pytest.approx(softmax(np.array(sums * 5, float), axis=1), abs=1e-6)


def test_three_stars_do_not_change_the_positive_probability(tmp_path):
    write(tmp_path)

    positive = StarClassifier(tmp_path).positive(["awful", "okay", "great"])

    assert positive[0] < 0.2
    assert positive[1] == pytest.approx(0.5)
    assert positive[2] > 0.8


def test_missing_file_raises_with_its_name(tmp_path):
    write(tmp_path)
    (tmp_path / "tokenizer.json").unlink()

    with pytest.raises(StarClassifierError, match=r"tokenizer\.json is missing"):
        StarClassifier(tmp_path)


def test_damaged_network_raises_with_its_folder(tmp_path):
    write(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"damaged")

    with pytest.raises(StarClassifierError, match="has no usable classifier"):
        StarClassifier(tmp_path)


def test_network_without_five_outputs_raises(tmp_path):
    write(tmp_path, LOGITS[:, :2].copy())

    with pytest.raises(StarClassifierError, match=r"the network returns \(1, 2\)"):
        StarClassifier(tmp_path).probabilities(["great"])


def test_missing_package_raises_with_its_name(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(StarClassifierError, match="onnxruntime is not installed"):
        StarClassifier(tmp_path)
