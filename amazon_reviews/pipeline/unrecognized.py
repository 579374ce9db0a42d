"""Landing files that no source profile fits: the nearest profile, and the fields they lack."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
import pyarrow.compute as pc

from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.profiles.detection import nearest
from amazon_reviews.profiles.guesses import fields_by_name
from amazon_reviews.profiles.profile import REQUIRED_FIELDS, Profile
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.shown_text import visible_text

MEANINGS = {
    "reviewerID": "reviewer",
    "asin": "product",
    "overall": "stars",
    "reviewText": "text",
}
"""Words for the required canonical fields, by the first of each group."""

_RECORDS = 1_000
_MOST_FILES = 3
_MOST_FIELDS = 20
_LONGEST_FIELD = 40


def describe_unrecognized(lakehouse: Lakehouse, dataset: Dataset, partition: str) -> str:
    """Describe the files of a partition in bronze that no profile fits; empty without any."""
    columns = ["file", "raw", "header", "profile"]
    if not dataset.profiles or not {*columns} <= _written_columns(lakehouse, dataset):
        return ""
    rows = lakehouse.delta(dataset.bronze).to_pyarrow_dataset()
    of_partition = (pc.field("partition") == partition) & pc.field("profile").is_null()
    # A dictionary keeps the order of the fields.
    present: dict[str, dict[str, None]] = {}
    for row in rows.head(_RECORDS, columns=columns, filter=of_partition).to_pylist():
        names = row["header"] or _keys(row["raw"])
        present.setdefault(row["file"], {}).update(dict.fromkeys(names))
    texts = [
        f"{visible_text(file)} {describe_misfit(dataset.profiles, fields)}; "
        for file, fields in present.items()
    ]
    return "".join(texts[:_MOST_FILES])


def describe_misfit(profiles: Sequence[Profile], present: Collection[str]) -> str:
    """Describe the reason why a file with these fields cannot be kept, and its own fields."""
    if not present:
        return "has no fields that can be read"
    profile = nearest(profiles, present)[0]
    missing = profile.missing(present)
    if not missing:
        return f"is of the profile {profile.name}, but lacks {lacking_fields(profile, present)}"
    lost = missing_meanings(profile.dataset, present)
    without = f"; no field seems to be the {_joined(lost, 'or the')}" if lost else ""
    return (
        f"fits no profile{without}. Its fields are {listed_fields(present)}. The nearest profile "
        f"is {profile.name}, which also needs {', '.join(missing)}. Name the fields in a "
        "profile.yaml, which `amazon-reviews inspect --write-profile` drafts "
        "(docs/how-to/map-your-own-columns)"
    )


def lacking_fields(profile: Profile, present: Collection[str]) -> str:
    """Name what a file of a profile lacks to be kept, empty without anything."""
    lacking = [
        f"the {MEANINGS[group[0]]} ({' or '.join(map(profile.source_name, group))})"
        for group in REQUIRED_FIELDS[profile.dataset]
        if not any(_has_source(profile.fields, name, present) for name in group)
    ]
    return _joined(lacking, "and") if lacking else ""


def missing_meanings(dataset: str, present: Collection[str]) -> list[str]:
    """Return what is required of a dataset and cannot be the meaning of any of these fields."""
    guesses = fields_by_name(dataset, present)
    return [
        MEANINGS[group[0]]
        for group in REQUIRED_FIELDS[dataset]
        if not any(guesses[canonical] for canonical in group)
    ]


def listed_fields(present: Collection[str]) -> str:
    """Return the names of fields for people: escaped, and long names and lists cut."""
    names = [visible_text(name) for name in present]
    cut = [f"{name[:_LONGEST_FIELD]}…" if len(name) > _LONGEST_FIELD else name for name in names]
    more = f" and {len(cut) - _MOST_FIELDS:,} more" if len(cut) > _MOST_FIELDS else ""
    return ", ".join(cut[:_MOST_FIELDS]) + more


def _joined(texts: Sequence[str], word: str) -> str:
    *others, last = texts
    return f"{', '.join(others)} {word} {last}" if others else last


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
