"""A fitted recommender in one file: arrays as numpy's .npz, all else as JSON; nothing is executed.

The arrays are readable by numpy alone: `user_ids`, `item_ids`, and each fitted attribute by its
name; a sparse matrix is three arrays, `name.data`, `name.indices` and `name.indptr`, and its shape.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from amazon_reviews.models.model_file import Arrays, Facts, ModelFormat
from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.content import CategoryContent, WordContent
from amazon_reviews.models.recommender.factors import ExplicitALS, ImplicitALS
from amazon_reviews.models.recommender.hybrid import Hybrid
from amazon_reviews.models.recommender.neighbours import (
    ItemNeighbours,
    ItemRegression,
    UserNeighbours,
)
from amazon_reviews.models.recommender.popularity import Popularity
from amazon_reviews.models.recommender.recommender import Recommender

FORMAT = ModelFormat("amazon-reviews-recommender", 2, "recommender", 16 << 30)

_SHARED = ("seen_", "counts_", "popular_")
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


@dataclass(frozen=True)
class RecommenderModel:
    """A fitted recommender with the name of its method, and the sorted ids behind its codes."""

    method: str
    recommender: Recommender
    user_ids: NDArray[np.str_]
    item_ids: NDArray[np.str_]


def save(model: RecommenderModel, path: Path) -> None:
    """Write a model to `path`; a file that was there is replaced at once or not at all."""
    FORMAT.write(path, *_parts(model))


def load(path: Path) -> RecommenderModel:
    """Read a model that `save` wrote.

    Raises:
        FileNotFoundError: there is none.
        ModelFileError: the file is something else, damaged, or of another version.
    """
    return FORMAT.read(path, _model)


def model_version(model: RecommenderModel) -> str:
    """Twelve hex digits that name what a fitted model answers, the same before and after saving."""
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
    """What is not an array of a recommender; its arrays are put into `arrays`."""
    found: dict[str, Any] = {
        "kind": type(recommender).__name__,
        "parameters": {
            one.name: getattr(recommender, one.name) for one in fields(recommender) if one.init
        },
        "matrices": {},
        "members": [],
    }
    for name, value in _fitted(recommender):
        if prefix and name in _SHARED:
            continue
        if isinstance(value, csr_matrix):
            found["matrices"][name] = list(value.shape)
            for part in ("data", "indices", "indptr"):
                arrays[f"{prefix}{name}.{part}"] = getattr(value, part)
        elif isinstance(value, dict):
            found["members"] = [
                (member, _described(one, arrays, f"{prefix}{member}."))
                for member, one in value.items()
            ]
        else:
            arrays[f"{prefix}{name}"] = value
    return found


def _fitted(recommender: Recommender) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in vars(recommender).items() if name.endswith("_"))


def _restored(
    description: dict[str, Any], arrays: Arrays, prefix: str, parent: Recommender | None = None
) -> Recommender:
    found = _KINDS[description["kind"]](**description["parameters"])
    for name, shape in description["matrices"].items():
        parts = [arrays[f"{prefix}{name}.{part}"] for part in ("data", "indices", "indptr")]
        setattr(found, name, csr_matrix(tuple(parts), tuple(shape)))
    for name, value in arrays.items():
        own = name.removeprefix(prefix)
        if name.startswith(prefix) and own.endswith("_") and "." not in own:
            setattr(found, own, value)
    for name in _SHARED if parent is not None else ():
        setattr(found, name, getattr(parent, name))
    if description["members"]:
        found.members_ = {  # type: ignore[attr-defined]
            name: _restored(one, arrays, f"{prefix}{name}.", found)
            for name, one in description["members"]
        }
    return found
