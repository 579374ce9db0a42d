"""Words of titles and remarks: what the rows of a chart show for certain, by arithmetic alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.shown_numbers import percent


class Heading(NamedTuple):
    """Heading of a chart: its plain name, the title that is shown, and a remark below it."""

    name: str
    title: str = ""
    remark: str = ""

    def noting(self, remark: str) -> "Heading":
        """Return the heading with a further remark; '' adds none."""
        return self._replace(remark="; ".join(filter(None, (self.remark, remark))))


def share_of(rows: Sequence[Mapping[str, Any]], column: str, value: str, text: str) -> str:
    """Return the text with the `share` of the reviews that have the value; '' without reviews."""
    counts = _reviews(rows, column)
    return text.format(share=percent(counts[value] / counts.total())) if counts.total() else ""


def commonest(rows: Sequence[Mapping[str, Any]], column: str, text: str) -> str:
    """Return the text with `name` and `share` of the value of most reviews; '' without reviews."""
    counts = _reviews(rows, column)
    if not counts.total():
        return ""
    ((name, reviews),) = counts.most_common(1)
    return text.format(name=name, share=percent(reviews / counts.total()))


def _reviews(rows: Sequence[Mapping[str, Any]], column: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row[column]] += row["reviews"]
    return counts


def leader(rows: Sequence[Mapping[str, Any]], name: str, column: str, kind: str) -> str:
    """Return the sentence which row has the largest count, of all rows.

    '' without a count, or if two rows have the largest. `kind` is what the names are, as in "no
    known brand".
    """
    counts = sorted((row[column] or 0 for row in rows), reverse=True)
    if not counts or not counts[0] or counts[0] in counts[1:]:
        return ""
    first = next(row[name] for row in rows if row[column] == counts[0])
    total = sum(counts)
    if first == UNKNOWN:
        return f"{percent(counts[0] / total)} of the {column} have no known {kind}"
    return f"{first} has most {column}: {counts[0]:,} of {total:,}"


def cut(number: int, whole: int) -> str:
    """Return the remark that rows are left out of a chart, if they are."""
    return "" if number == whole else f"the {number} largest of {whole}"
