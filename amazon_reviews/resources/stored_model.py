"""Stored models, and the facts recorded with each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from amazon_reviews.schemas.built import Built

DATABASE = "mlflow.db"
"""The name of the SQLite file of a local store."""


@dataclass(frozen=True)
class Record:
    """The parameters, metrics and tags that are stored with a model."""

    parameters: Mapping[str, str | int | float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredModel:
    """A version of a registered model, and its file on this machine.

    A model that was just published has the id of its run in MLflow, and the address of the run's
    page if the store is a server.
    """

    name: str
    version: int
    path: Path
    run_id: str = field(default="", compare=False)
    url: str = field(default="", compare=False)


@dataclass(frozen=True)
class Registered:
    """A registered model: its record, and its current version, each None without one.

    `path` is the file of the current version, None if it is not known to be on this machine.
    `checksum` is the SHA-256 of this file in hex digits, "" in versions of earlier releases.
    """

    built: Built | None
    version: int | None
    path: Path | None
    checksum: str = ""
