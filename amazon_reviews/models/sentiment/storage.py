"""The sentiment model in one file: weights, folds and calibrations."""

from pathlib import Path

import numpy as np

from amazon_reviews.models.model_file import Arrays, Facts, ModelFormat
from amazon_reviews.models.sentiment.calibration import Calibration
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.folds import Folds
from amazon_reviews.models.sentiment.tasks import task_named

FORMAT = ModelFormat("amazon-reviews-sentiment", 4, "sentiment model", 512 << 20)


def save(model: SentimentClassifier, path: Path) -> None:
    """Write a fitted model to `path`; an existing file is replaced atomically."""
    FORMAT.write(path, *_parts(model), packed=True)


def load(path: Path) -> SentimentClassifier:
    """Read a model that `save` wrote.

    Raises:
        FileNotFoundError: there is no file.
        ModelFileError: the file is something else, damaged, or of another version.
    """
    return FORMAT.read(path, _model)


def model_version(model: SentimentClassifier) -> str:
    """Return twelve hex digits that identify the content of a fitted model, saved or not."""
    return FORMAT.digest(*_parts(model))[:12]


def _parts(model: SentimentClassifier) -> tuple[Arrays, Facts]:
    folds = model.folds_
    arrays: Arrays = {
        "slots": folds.slots,
        "weights": model.weights_[folds.slots].astype(np.float16),
        "fold_weights": folds.weights,
        "learned": np.packbits(folds.learned),
        "idf": model.idf_,
    }
    facts: Facts = {
        "parameters": {**model.get_params(), "tasks": list(model.tasks)},
        "questions": list(model.targets_),
        "rows": model.rows_,
        "only_generated": model.only_generated_,
        "shares": model.shares_.tolist(),
        "calibrations": {
            name: {"slopes": fitted.slopes.tolist(), "offsets": fitted.offsets.tolist()}
            for name, fitted in model.calibrations_.items()
        },
    }
    return arrays, facts


def _model(arrays: Arrays, facts: Facts) -> SentimentClassifier:
    parameters = facts["parameters"]
    # Files of earlier releases have old names of tasks.
    tasks = tuple(task_named(name).name for name in parameters["tasks"])
    model = SentimentClassifier(**{**parameters, "tasks": tasks})
    model.targets_ = tuple(facts["questions"])
    model.rows_ = facts["rows"]
    model.only_generated_ = facts["only_generated"]
    model.shares_ = np.array(facts["shares"])
    model.idf_ = arrays["idf"]
    model.weights_ = np.zeros(((1 << model.bits) + 1, len(model.targets_)), np.float32)
    model.weights_[arrays["slots"]] = arrays["weights"]
    learned = np.unpackbits(arrays["learned"]).astype(np.bool_)
    model.folds_ = Folds(arrays["slots"], arrays["fold_weights"], learned)
    model.calibrations_ = {
        task_named(name).name: Calibration(np.array(fitted["slopes"]), np.array(fitted["offsets"]))
        for name, fitted in facts["calibrations"].items()
    }
    model.classes_ = model.task_classes()
    return model
