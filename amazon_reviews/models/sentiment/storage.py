"""A model in one file: arrays as numpy's .npz, all else as JSON within; nothing is executed."""

import hashlib
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.calibration import Calibration
from amazon_reviews.models.sentiment.classifier import SentimentClassifier

FORMAT = "amazon-reviews-sentiment"
FORMAT_VERSION = 2

_MOST_BYTES = 512 << 20
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    IndexError,
    NotImplementedError,
)
_ARRAYS = ("slots", "weights", "idf")


class ModelFileError(Exception):
    """A file is no model of this program, or is damaged."""


def save(model: SentimentClassifier, path: Path) -> None:
    """Write a fitted model to `path`; a file that was there is replaced at once or not at all."""
    arrays, facts = _parts(model)
    facts["digest"] = _digest(arrays, facts)
    text = np.frombuffer(json.dumps(facts, sort_keys=True).encode(), np.uint8)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, facts=text, **arrays)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path) -> SentimentClassifier:
    """Read a model that `save` wrote.

    Raises:
        FileNotFoundError: there is none.
        ModelFileError: the file is something else, damaged, or of another version.
    """
    try:
        arrays, facts = _read(path)
        if facts["format"] != FORMAT:
            raise ModelFileError(f"{path}: not a sentiment model")
        if facts["format_version"] != FORMAT_VERSION:
            raise ModelFileError(
                f"{path}: format {facts['format_version']}, this program reads {FORMAT_VERSION}"
            )
        if facts.pop("digest") != _digest(arrays, facts):
            raise ModelFileError(f"{path}: damaged, its content is not what was saved")
        return _model(arrays, facts)
    except _UNREADABLE as error:
        raise ModelFileError(f"{path}: not a sentiment model, or damaged ({error})") from error


def model_version(model: SentimentClassifier) -> str:
    """Twelve hex digits that name what a fitted model answers, the same before and after saving."""
    return _digest(*_parts(model))[:12]


def _parts(model: SentimentClassifier) -> tuple[dict[str, NDArray], dict[str, Any]]:
    slots = np.flatnonzero(model.weights_.any(axis=1)).astype(np.int32)
    arrays: dict[str, NDArray] = {
        "slots": slots,
        "weights": model.weights_[slots].astype(np.float16),
        "idf": model.idf_,
    }
    facts: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
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


def _digest(arrays: dict[str, NDArray], facts: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, NDArray], dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
            raise ModelFileError(f"{path}: unpacks to more than {_MOST_BYTES >> 20} MiB")
    with np.load(path, allow_pickle=False) as stored:
        arrays: dict[str, NDArray] = {name: stored[name] for name in _ARRAYS}
        facts: dict[str, Any] = json.loads(stored["facts"].tobytes())
        return arrays, facts


def _model(arrays: dict[str, NDArray], facts: dict[str, Any]) -> SentimentClassifier:
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
