"""truth.json: the counts of a sample, and the files that belong to it."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRUTH = "truth.json"


@dataclass
class Tally:
    """Counts of a partition: lines = distinct + duplicates_within + rejected lines."""

    distinct: int = 0
    duplicates_within: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        """The number of lines without blank ones."""
        return self.distinct + self.duplicates_within + self.rejected.total()

    def as_json(self) -> dict[str, Any]:
        """Return the counts, with the rejection reasons that occur."""
        return {
            "lines": self.lines,
            "distinct": self.distinct,
            "duplicates_within": self.duplicates_within,
            "rejected": dict(sorted(self.rejected.items())),
        }


def write_truth(path: Path, truth: dict[str, Any]) -> None:
    """Write the truth as readable JSON; after a kill the file is complete or not there."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    os.replace(part, path)


def files_of_sample(path: Path) -> dict[str, set[str]]:
    """Return the names in each folder that a truth file lists; nothing without a truth file."""
    try:
        truth = json.loads(path.read_text(encoding="utf-8"))
        return {
            "amazon_reviews": set(truth["reviews"]),
            "amazon_metadata": set(truth["products"]),
            "events": {"events.jsonl"},
            "titles": set(truth.get("files", {}).get("titles", ())),
            "title_ratings": set(truth.get("files", {}).get("title_ratings", ())),
        }
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return {}
