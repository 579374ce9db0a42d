"""Files of reviews with stars or labels: JSON lines, fastText, CSV and tab-separated files."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from amazon_reviews.errors import InputFileError
from amazon_reviews.models.sentiment.examples import Examples
from amazon_reviews.serving.input_files import (
    Sample,
    delimited_rows,
    lines,
    number,
    sample,
    text_lines,
)
from amazon_reviews.serving.review_labels import (
    WORDS,
    LabelMeaning,
    is_label,
    meaning_of,
    normal_label,
)

_STARS = ("overall", "stars", "rating", "star_rating", "score")
_LABELS = ("label", "class", "sentiment", "polarity")
_TEXTS = (
    "reviewText",
    "reviewtext",
    "text",
    "review_body",
    "review_text",
    "review",
    "content",
    "body",
)
_TITLES = ("summary", "title", "review_title", "review_headline", "headline")
"""Names of fields, and of columns in lower case. The first name that a record has counts."""

_LABEL = "__label__"
_DELIMITERS = {"\t": "tab-separated", ",": "CSV", ";": "CSV with semicolons"}
# The polarity and full data sets write line breaks and quotes so.
_ESCAPE = re.compile(r'\\([n"])')
_REVIEWS_AT_ONCE = 5_000
_SCHEMA = pa.schema(
    [("summary", pa.string()), ("review_text", pa.string()), ("overall", pa.float64())]
)
_KNOWN = (
    "Known are JSON lines (reviewText and overall; text and rating or stars; review_body and "
    "stars), fastText lines (__label__2 text), CSV without a header (class,title,text or "
    "class,text), and CSV or tab-separated files with a header (label or stars, and text)"
)


class _Record(NamedTuple):
    """A review as it is in a file: line, label or stars, title and text."""

    line: int
    label: str
    title: str | None
    text: str | None


class _Form(NamedTuple):
    """The form of a file; `names` and `places` are those of label, title and text in it.

    `has_stars` is True for stars, which may be any number, and False for labels.
    """

    name: str
    has_stars: bool = False
    delimiter: str = ""
    quoted: bool = True
    has_header: bool = False
    names: tuple[str, ...] = ()
    places: tuple[int | None, ...] = ()


@dataclass
class ReviewFile:
    """A file of reviews: its form, the meaning of its labels, and its reviews.

    `stars_of` has the stars of each label; None for a file with stars. `classes` and `unlabelled`
    count the reviews that were read.
    """

    path: Path
    form: _Form
    meaning: LabelMeaning
    stars_of: Mapping[str, float] | None
    classes: Counter[str] = field(default_factory=Counter)
    unlabelled: int = 0

    def examples(self) -> Iterator[Examples]:
        """Yield the reviews, a few thousand at a time; those without a label have no stars.

        Raises:
            InputFileError: the file cannot be read, or a record is not a review.
        """
        records = _records(self.path, self.form)
        while chunk := list(islice(records, _REVIEWS_AT_ONCE)):
            rows = [
                {
                    "summary": record.title,
                    "review_text": record.text,
                    "overall": self._stars(record),
                }
                for record in chunk
            ]
            yield Examples.from_arrow(pa.Table.from_pylist(rows, _SCHEMA))

    def summary(self) -> str:
        """Return a sentence about the form and the labels that were read."""
        unit = "stars" if self.stars_of is None else "a label"
        skipped = f"{self.unlabelled:,} skipped without {unit}"
        return "; ".join([f"{self.path}: {self.form.name}", *self._classes(), skipped])

    def _classes(self) -> Iterator[str]:
        words = {1.0: "negative", 3.0: "neutral", 5.0: "positive"}
        for label, rows in sorted(self.classes.items()):
            stars = (self.stars_of or {})[label]
            meaning = f"{stars:g} stars" if self.meaning == "stars" else words[stars]
            yield f"label {label} ({meaning}): {rows:,}"

    def _stars(self, record: _Record) -> float | None:
        stars_of = self.stars_of
        stars = number(record.label) if stars_of is None else stars_of.get(record.label)
        if not stars:
            self.unlabelled += 1
        elif stars_of is not None:
            self.classes[record.label] += 1
        return stars


def read_reviews(path: Path, labels: LabelMeaning | None = None) -> ReviewFile:
    """Open a file of reviews with stars or labels; its form is found out from the content.

    `labels` is the meaning of labels that are numbers. By default 1 and 2 alone are negative and
    positive, as 0 and 1; labels up to 5 are stars.

    Raises:
        InputFileError: the file cannot be read or understood, or has an unknown label.
    """
    form = _form(sample(path), str(path))
    if form.has_stars:
        return ReviewFile(path, form, "stars", None)
    # All labels are read before: files may be sorted by label.
    seen = {record.label for record in _records(path, form)} - {""}
    meaning, stars_of = meaning_of(seen, labels, str(path))
    return ReviewFile(path, form, meaning, stars_of)


def _form(start: Sample, name: str) -> _Form:
    first_line = start.first_line()
    if not first_line:
        return _Form("an empty file", has_stars=True)
    if first_line.startswith(("{", "[")):
        return _json_form(start, name)
    if first_line.startswith(_LABEL):
        return _Form("fastText labels")
    for delimiter in _DELIMITERS:
        if form := _delimited_form(start, delimiter):
            return form
    raise InputFileError(
        f"{name} is no known file of reviews: its first line is {first_line!r}. {_KNOWN}"
    )


def _json_form(start: Sample, name: str) -> _Form:
    line, text = next((line, text) for line, text in enumerate(start.lines, 1) if text.strip())
    review = _object(text.encode(), f"{name}, line {line}")
    stars, label, text_field = (_first(review, names) for names in (_STARS, _LABELS, _TEXTS))
    # A title alone is that of a product.
    if not (stars or label or text_field):
        fields = ", ".join(review) or "none"
        raise InputFileError(f"{name}, line {line} has no known field, only: {fields}. {_KNOWN}")
    return _Form("JSON lines", has_stars=stars is not None or label is None)


def _delimited_form(start: Sample, delimiter: str) -> _Form | None:
    """Return the form of a delimited file, None if it has not this delimiter."""
    quoted = start.is_quoted(delimiter)
    first = next(iter(start.rows(delimiter, quoted=quoted)), [])
    columns = {column.strip().lower(): place for place, column in reversed([*enumerate(first)])}
    stars = _first(columns, _STARS)
    names = (stars or _first(columns, _LABELS), _first(columns, _TITLES), _first(columns, _TEXTS))
    label, _, text = names
    if label and text:
        places = tuple(None if name is None else columns[name] for name in names)
        found = tuple(name or "" for name in names)
        form = f"{_DELIMITERS[delimiter]} with {', '.join(filter(None, found))}"
        return _Form(form, stars is not None, delimiter, quoted, True, found, places)
    if len(first) not in (2, 3) or not is_label(normal_label(first[0])):
        return None
    found, places = ("class", "title", "text"), (0, 1, 2)
    if len(first) == 2:
        found, places = ("class", "", "text"), (0, None, 1)
    form = f"{_DELIMITERS[delimiter]} without a header, columns {', '.join(filter(None, found))}"
    return _Form(form, False, delimiter, quoted, False, found, places)


def _records(path: Path, form: _Form) -> Iterator[_Record]:
    if form.delimiter:
        return _delimited_records(path, form)
    return _fasttext_records(path) if form.name == "fastText labels" else _json_records(path, form)


def _json_records(path: Path, form: _Form) -> Iterator[_Record]:
    for line, content in lines(path, str(path)):
        if not content.strip():
            continue
        place = f"{path}, line {line}"
        review = _object(content, place)
        label, title, text = (
            _first(review, names)
            for names in (_STARS if form.has_stars else _LABELS, _TITLES, _TEXTS)
        )
        for name in (title, text):
            if name and isinstance(review[name], list | dict):
                raise InputFileError(f"{place}: {name} is not a text")
        value = _as_text(review[label]) if label else None
        yield _Record(
            line,
            _checked(value or "", label or "", form, place),
            _as_text(review[title]) if title else None,
            _as_text(review[text]) if text else None,
        )


def _fasttext_records(path: Path) -> Iterator[_Record]:
    form = _Form("fastText labels")
    for line, content in enumerate(text_lines(path, str(path)), 1):
        words = content.strip()
        if not words:
            continue
        label = ""
        if words.startswith(_LABEL):
            label, _, words = words.removeprefix(_LABEL).partition(" ")
        place = f"{path}, line {line}"
        if words.startswith(_LABEL):
            raise InputFileError(f"{place} has several labels")
        yield _Record(line, _checked(label, "label", form, place), None, words)


def _delimited_records(path: Path, form: _Form) -> Iterator[_Record]:
    label, title, text = form.places
    rows = delimited_rows(path, str(path), form.delimiter, quoted=form.quoted)
    for line, row in islice(rows, int(form.has_header), None):
        values = (None if place is None else row[place] for place in (title, text))
        if not form.has_header:
            values = (value and _ESCAPE.sub(_unescaped, value) for value in values)
        found = _checked(row[label or 0], form.names[0], form, f"{path}, line {line}")
        yield _Record(line, found, *values)


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


def _checked(value: str, name: str, form: _Form, place: str) -> str:
    """Return a label, or stars, in normal form, "" for a missing one."""
    if form.has_stars:
        if value.strip() and number(value) is None:
            raise InputFileError(f"{place}: {name} is not a number")
        return value
    label = normal_label(value)
    if not is_label(label):
        raise InputFileError(
            f"{place}: {name} {label[:40]!r} is unknown; labels are 0 to 5, {', '.join(WORDS)}"
        )
    return label


def _object(line: bytes, place: str) -> dict[str, Any]:
    try:
        review = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputFileError(f"{place} is not JSON: {error.msg}") from None
    if not isinstance(review, dict):
        raise InputFileError(f"{place} is not a JSON object")
    return review


def _first(record: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Return the name of the field that a record has, in the case in which it is written."""
    return next((name for name in names if name in record), None)


def _as_text(value: Any) -> str | None:
    """Return a value as text: files may have numbers for texts and the reverse."""
    return value if isinstance(value, str | None) else orjson.dumps(value).decode()
