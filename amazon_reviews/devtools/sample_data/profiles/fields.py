"""Records of named texts: delimited records and paragraphs.

They hold no JSON, so no defect is `not_json`. A delimited record can have too few fields
(`missing_field`) or too many (`not_an_object`). A paragraph has no number of fields.
"""

import csv
import random
from abc import abstractmethod
from collections.abc import Sequence

from amazon_reviews.devtools.sample_data.defects import Fields
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.population import Population
from amazon_reviews.devtools.sample_data.profiles.records import EncodedReviews
from amazon_reviews.devtools.sample_data.profiles.review import Review

# Not UTF-8, and not Windows-1252 either, so that no other encoding explains them.
_BAD_BYTES = ("\udc81", "\udcff\udc90", "\udcc3\udc8d\udc9d")


class FieldReviews(EncodedReviews):
    """Records of named texts; an empty text is an omitted one.

    Attributes:
        columns: The names of the texts, in order.
        fields: The columns that defects are made in.
    """

    columns: tuple[str, ...]
    fields: Fields
    reasons: tuple[str, ...] = ("missing_field", "wrong_type", "out_of_range", "not_utf8")

    def encode(self, review: Review) -> str:
        """Return the record of a review."""
        return self.joined(self.values(review))

    def invalid(self, review: Review, reason: str, rng: random.Random) -> str:
        """Return a record like that of the review, with a defect of one of `reasons`."""
        row = dict(zip(self.columns, self.values(review), strict=True))
        fields = self.fields
        if reason == "missing_field":
            row |= dict.fromkeys(rng.choice(fields.required), "")
        elif reason == "wrong_type":
            row |= rng.choice(({fields.stars: "five"}, {fields.time: "soon"}))
        elif reason == "out_of_range":
            stars, time = rng.choice(("7", "-1", "6.0")), rng.choice((fields.early, fields.late))
            row |= rng.choice(({fields.stars: stars}, {fields.time: str(time)}))
        else:
            row[fields.product[0]] = rng.choice(_BAD_BYTES) + row[fields.product[0]]
        return self.joined(tuple(row.values()))

    @abstractmethod
    def values(self, review: Review) -> tuple[str, ...]:
        """Return the texts of a review in the order of the columns."""

    @abstractmethod
    def joined(self, values: Sequence[str]) -> str:
        """Return texts as a record."""


class DelimitedReviews(FieldReviews):
    """Records of texts with a delimiter between them, below a header."""

    reasons = (*FieldReviews.reasons, "not_an_object", "missing_field")

    def invalid(self, review: Review, reason: str, rng: random.Random) -> str:
        """Return a record like that of the review, with a defect of one of `reasons`."""
        values = self.values(review)
        if reason == "not_an_object":
            return self.joined([*values, "more"])
        if reason == "missing_field" and rng.random() < 0.5:
            return self.joined(values[: rng.randrange(2, len(values))])
        return super().invalid(review, reason, rng)


class CsvReviews(DelimitedReviews):
    """Records with commas, and quotes around texts with commas, quotes or line breaks."""

    def __init__(self, options: SampleOptions, population: Population) -> None:
        super().__init__(options, population)
        self._written: list[str] = []
        # The line end is part of the dialect, since older versions of Python quote only its
        # characters.
        self._csv = csv.writer(_Sink(self._written), lineterminator="\r\n")

    def joined(self, values: Sequence[str]) -> str:
        """Return texts as a record."""
        self._csv.writerow(values)
        return self._written.pop().removesuffix("\r\n")


class _Sink:
    """The file of a CSV writer that appends each record to a list."""

    def __init__(self, records: list[str]) -> None:
        self.write = records.append
