"""Stored models, and the facts recorded with each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Record:
    """The parameters, metrics and tags that are stored with a model."""

    parameters: Mapping[str, str | int | float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredModel:
    """A version of a registered model, and its file on this machine."""

    name: str
    version: int
    path: Path
