"""Landing files that no source profile fits: the nearest profile, and the fields they lack."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
import pyarrow.compute as pc

from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.profiles.detection import nearest
from amazon_reviews.profiles.profile import REQUIRED_FIELDS, Profile
from amazon_reviews.resources.lakehouse.tables import Lakehouse

_RECORDS = 1_000
_MOST_FILES = 3


def describe_unrecognized(lakehouse: Lakehouse, dataset: Dataset, partition: str) -> str:
    """Describe the files of a partition in bronze that no profile fits; empty without any."""
    columns = ["file", "raw", "header", "profile"]
    if not dataset.profiles or not {*columns} <= _written_columns(lakehouse, dataset):
        return ""
    rows = lakehouse.delta(dataset.bronze).to_pyarrow_dataset()
    of_partition = (pc.field("partition") == partition) & pc.field("profile").is_null()
    present: dict[str, set[str]] = {}
    for row in rows.head(_RECORDS, columns=columns, filter=of_partition).to_pylist():
        present.setdefault(row["file"], set()).update(row["header"] or _keys(row["raw"]))
    texts = [
        f"{file} {describe_nearest(dataset.profiles, fields)}; " for file, fields in present.items()
    ]
    return "".join(texts[:_MOST_FILES])


def describe_nearest(profiles: Sequence[Profile], present: Collection[str]) -> str:
    """Describe the profile that comes nearest to a file with these fields, and what it lacks."""
    if not present:
        return "has no fields that can be read"
    profile = nearest(profiles, present)
    missing = profile.missing(present)
    if not missing:
        required = [
            " or ".join(map(profile.source_name, group))
            for group in REQUIRED_FIELDS[profile.dataset]
            if not any(_has_source(profile.fields, name, present) for name in group)
        ]
        return f"is of the profile {profile.name}, but lacks {', '.join(required)}"
    return (
        f"fits no profile: the nearest is {profile.name}, but {', '.join(missing)} is missing "
        "(docs/how-to/map-your-own-columns)"
    )


def _has_source(fields: Mapping[str, Any], canonical: str, present: Collection[str]) -> bool:
    return any(
        source.field is None or source.field in present for source in fields.get(canonical, ())
    )


def _written_columns(lakehouse: Lakehouse, dataset: Dataset) -> set[str]:
    return {field.name for field in lakehouse.delta(dataset.bronze).schema().fields}


def _keys(raw: str) -> list[str]:
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return []
    return [*record] if isinstance(record, dict) else []
