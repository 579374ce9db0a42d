"""A fitted recommender in one file: arrays as numpy's .npz, all else as JSON; nothing is executed.

The arrays are readable by numpy alone: `user_ids`, `item_ids`, and each fitted attribute. A sparse
matrix is three arrays, `name.data`, `name.indices` and `name.indptr`, and its shape.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

from scipy.sparse import csr_matrix

from amazon_reviews.models.model_file import Arrays, Facts, ModelFormat
from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.content import CategoryContent, WordContent
from amazon_reviews.models.recommender.factors import ExplicitALS, ImplicitALS
from amazon_reviews.models.recommender.hybrid import Hybrid
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.models.recommender.neighbours import (
    ItemNeighbours,
    ItemRegression,
    UserNeighbours,
)
from amazon_reviews.models.recommender.popularity import Popularity
from amazon_reviews.models.recommender.recommender import Recommender

FORMAT = ModelFormat("amazon-reviews-recommender", 2, "recommender", 16 << 30)

# The attributes that a hybrid's members share with it; a file holds them once.
_SHARED = ("train_", "counts_", "popular_")
# Files keep the names of the first models, so that stored models and their versions stay valid.
_STORED_NAMES = {"train_": "seen_", "similarity_": "alike_", "tuning_users": "asked"}
_ATTRIBUTES = {stored: name for name, stored in _STORED_NAMES.items()}
_KINDS: dict[str, type[Recommender]] = {
    kind.__name__: kind
    for kind in (
        Popularity,
        CategoryContent,
        WordContent,
        ItemNeighbours,
        UserNeighbours,
        ItemRegression,
        ExplicitALS,
        ImplicitALS,
        BiasedFactors,
        Hybrid,
    )
}


def save(model: RecommenderModel, path: Path) -> None:
    """Write a model to `path`; an existing file is replaced atomically."""
    FORMAT.write(path, *_parts(model))


def load(path: Path) -> RecommenderModel:
    """Read a model that `save` wrote.

    Raises:
        FileNotFoundError: there is no file.
        ModelFileError: the file is something else, damaged, or of another version.
    """
    return FORMAT.read(path, _model)


def model_version(model: RecommenderModel) -> str:
    """Return twelve hex digits that identify the content of a fitted model, saved or not."""
    return FORMAT.digest(*_parts(model))[:12]


def _model(arrays: Arrays, facts: Facts) -> RecommenderModel:
    recommender = _restored(facts["recommender"], arrays, "")
    return RecommenderModel(facts["method"], recommender, arrays["user_ids"], arrays["item_ids"])


def _parts(model: RecommenderModel) -> tuple[Arrays, Facts]:
    arrays: Arrays = {"user_ids": model.user_ids, "item_ids": model.item_ids}
    description = _described(model.recommender, arrays, "")
    facts: Facts = {
        "method": model.method,
        "recommender": description,
    }
    return arrays, facts


def _described(recommender: Recommender, arrays: Arrays, prefix: str) -> dict[str, Any]:
    """Return a recommender without its arrays; these are added to `arrays`."""
    description: dict[str, Any] = {
        "kind": type(recommender).__name__,
        "parameters": {
            _STORED_NAMES.get(field.name, field.name): getattr(recommender, field.name)
            for field in fields(recommender)
            if field.init
        },
        "matrices": {},
        "members": [],
    }
    for attribute, value in vars(recommender).items():
        if not attribute.endswith("_") or (prefix and attribute in _SHARED):
            continue
        name = _STORED_NAMES.get(attribute, attribute)
        if isinstance(value, csr_matrix):
            description["matrices"][name] = list(value.shape)
            for part in ("data", "indices", "indptr"):
                arrays[f"{prefix}{name}.{part}"] = getattr(value, part)
        elif isinstance(value, dict):
            description["members"] = [
                (member, _described(fitted, arrays, f"{prefix}{member}."))
                for member, fitted in value.items()
            ]
        else:
            arrays[f"{prefix}{name}"] = value
    return description


def _restored(
    description: dict[str, Any], arrays: Arrays, prefix: str, parent: Recommender | None = None
) -> Recommender:
    parameters = description["parameters"].items()
    recommender = _KINDS[description["kind"]](
        **{_ATTRIBUTES.get(name, name): value for name, value in parameters}
    )
    for name, shape in description["matrices"].items():
        parts = [arrays[f"{prefix}{name}.{part}"] for part in ("data", "indices", "indptr")]
        setattr(recommender, _ATTRIBUTES.get(name, name), csr_matrix(tuple(parts), tuple(shape)))
    for name, value in arrays.items():
        attribute = name.removeprefix(prefix)
        if name.startswith(prefix) and attribute.endswith("_") and "." not in attribute:
            setattr(recommender, attribute, value)
    for attribute in _SHARED if parent is not None else ():
        setattr(recommender, attribute, getattr(parent, attribute))
    if description["members"]:
        recommender.members_ = {  # type: ignore[attr-defined]
            name: _restored(member, arrays, f"{prefix}{name}.", recommender)
            for name, member in description["members"]
        }
    return recommender
