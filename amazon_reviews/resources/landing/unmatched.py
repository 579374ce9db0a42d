"""Files and folders of the landing zone that are not read: the reason, and what to do."""

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from amazon_reviews.shown_text import visible_text

# Enough to recognize the files; the number says how many there are.
_EXAMPLES = 3


@dataclass(frozen=True)
class Unmatched:
    """A file or folder that is not read; `path` is relative to the landing zone.

    `advice` depends on the reason only, so that equal ones are counted together.
    """

    path: str
    reason: str
    advice: str


@dataclass
class _Group:
    count: int = 0
    paths: list[str] = field(default_factory=list)


class UnmatchedFiles:
    """The unmatched files and folders: their number by reason, with a few examples of each."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], _Group] = {}

    def add(self, unmatched: Unmatched) -> None:
        """Count a file or folder; it is an example if its path is one of the first."""
        group = self._groups.setdefault((unmatched.reason, unmatched.advice), _Group())
        group.count += 1
        if len(group.paths) < _EXAMPLES or unmatched.path < group.paths[-1]:
            insort(group.paths, unmatched.path)
            del group.paths[_EXAMPLES:]

    def update(self, other: "UnmatchedFiles") -> None:
        """Count all of another listing too."""
        for key, added in other._groups.items():
            group = self._groups.setdefault(key, _Group())
            group.count += added.count
            group.paths = sorted([*group.paths, *added.paths])[:_EXAMPLES]

    def __len__(self) -> int:
        return sum(group.count for group in self._groups.values())

    def __iter__(self) -> Iterator[Unmatched]:
        """Yield the examples."""
        for (reason, advice), group in sorted(self._groups.items()):
            yield from (Unmatched(path, reason, advice) for path in group.paths)

    def count(self, reason: str) -> int:
        """Return the number of files and folders with this reason."""
        return sum(group.count for (why, _), group in self._groups.items() if why == reason)

    def rows(self) -> list[dict[str, str | int]]:
        """Return reason, number, examples and advice, one row per reason and advice."""
        return [
            {
                "reason": reason,
                "count": group.count,
                "examples": ", ".join(map(visible_text, group.paths)),
                "advice": advice,
            }
            for (reason, advice), group in sorted(self._groups.items())
        ]

    def lines(self) -> list[str]:
        """Return one line for people per reason and advice."""
        return [
            f"{row['examples']}{_more(int(row['count']))} "
            f"{'is' if row['count'] == 1 else 'are'} not read: {row['reason']}; {row['advice']}"
            for row in self.rows()
        ]


def describe_alike(paths: Sequence[str]) -> list[str]:
    """Return a text about paths of partitions that differ only in case or in Unicode form."""
    if not paths:
        return []
    names = f"{', '.join(paths[:_EXAMPLES])}{_more(len(paths))}"
    return [
        f"{names} are read, but differ only in upper and lower case or in the form of their "
        "characters; rename one if they are the same"
    ]


def _more(count: int) -> str:
    return f" and {count - _EXAMPLES:,} more" if count > _EXAMPLES else ""
