"""The sentiment model in one file: its weights, and what makes probabilities of scores."""

from pathlib import Path

import numpy as np

from amazon_reviews.models.model_file import Arrays, Facts, ModelFormat
from amazon_reviews.models.sentiment.calibration import Calibration
from amazon_reviews.models.sentiment.classifier import SentimentClassifier

FORMAT = ModelFormat("amazon-reviews-sentiment", 3, "sentiment model", 512 << 20)


def save(model: SentimentClassifier, path: Path) -> None:
    """Write a fitted model to `path`; a file that was there is replaced at once or not at all."""
    FORMAT.write(path, *_parts(model), packed=True)


def load(path: Path) -> SentimentClassifier:
    """Read a model that `save` wrote.

    Raises:
        FileNotFoundError: there is none.
        ModelFileError: the file is something else, damaged, or of another version.
    """
    return FORMAT.read(path, _model)


def model_version(model: SentimentClassifier) -> str:
    """Twelve hex digits that name what a fitted model answers, the same before and after saving."""
    return FORMAT.digest(*_parts(model))[:12]


def _parts(model: SentimentClassifier) -> tuple[Arrays, Facts]:
    slots = np.flatnonzero(model.weights_.any(axis=1)).astype(np.int32)
    arrays: Arrays = {
        "slots": slots,
        "weights": model.weights_[slots].astype(np.float16),
        "idf": model.idf_,
    }
    facts: Facts = {
        "parameters": {**model.get_params(), "tasks": list(model.tasks)},
        "questions": list(model.questions_),
        "rows": model.rows_,
        "shares": model.shares_.tolist(),
        "calibrations": {
            name: {"slopes": found.slopes.tolist(), "offsets": found.offsets.tolist()}
            for name, found in model.calibrations_.items()
        },
    }
    return arrays, facts


def _model(arrays: Arrays, facts: Facts) -> SentimentClassifier:
    parameters = facts["parameters"]
    model = SentimentClassifier(**{**parameters, "tasks": tuple(parameters["tasks"])})
    model.questions_ = tuple(facts["questions"])
    model.rows_ = facts["rows"]
    model.shares_ = np.array(facts["shares"])
    model.idf_ = arrays["idf"]
    model.weights_ = np.zeros(((1 << model.bits) + 1, len(model.questions_)), np.float32)
    model.weights_[arrays["slots"]] = arrays["weights"]
    model.calibrations_ = {
        name: Calibration(np.array(found["slopes"]), np.array(found["offsets"]))
        for name, found in facts["calibrations"].items()
    }
    model.classes_ = model.task_classes()
    return model
