"""Writer of the metadata partitions."""

import random
from collections.abc import Iterator
from pathlib import Path

from amazon_reviews.devtools.sample_data.draws import python_random, quota, spans
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.population import Population
from amazon_reviews.devtools.sample_data.products import VERSION_SHARE, Products
from amazon_reviews.devtools.sample_data.profiles.records import Records
from amazon_reviews.devtools.sample_data.truth import Tally
from amazon_reviews.devtools.sample_data.writer import PartFile, parts

FOLDER = "amazon_metadata"
BLOCK = 512
_RECENT = 200  # lines that a duplicate is chosen from


class Catalogue:
    """Writes the metadata partitions and counts their lines.

    A partition contains a span of the products, earlier versions of products of the previous span
    (of the same span in a single partition), byte-identical duplicates and rejected lines.
    """

    def __init__(self, options: SampleOptions, population: Population, records: Records) -> None:
        self._options = options
        self._records = records
        self._products = Products(options.seed, population)
        self._spans = spans(options.products, options.metadata_partitions)
        self._rejected = 0

    def write(self, out: Path, partition: int) -> Tally:
        """Write the metadata partition with a number from 1."""
        tally = Tally()
        place = out / FOLDER / f"partition_{partition}"
        names = self._records.file_names(partition)
        for part in parts(place, partition, self._spans[partition - 1], names):
            with PartFile(part.path, part.ending) as file:
                places = range(part.start, part.stop)
                lines = self._lines(places, partition, part.style == 0, tally)
                for chunk in _chunks(lines):
                    file.write(chunk)
        return tally

    def _lines(self, places: range, partition: int, public: bool, tally: Tally) -> Iterator[str]:
        recent: list[str] = []
        for place in places:
            rng = python_random(self._options.seed, "defect", -1 - place)
            new = list(self._versions(place, partition, public))
            tally.distinct += len(new)
            yield from map(self._records.record, new)
            recent = (recent + new)[-_RECENT:]
            yield from self._defects(place, recent, rng, tally)

    def _versions(self, place: int, partition: int, public: bool) -> Iterator[str]:
        yield self._products.line(place, public)
        old = self._place_before(place, partition)
        if old is not None and quota(VERSION_SHARE, old, old + 1):
            yield self._products.earlier_version(old, public)

    def _place_before(self, place: int, partition: int) -> int | None:
        """Return the product at the same position in the span of the previous partition."""
        if len(self._spans) == 1:
            return place
        if partition == 1:
            return None
        start, stop = self._spans[partition - 2]
        old = start + place - self._spans[partition - 1][0]
        return old if old < stop else None

    def _defects(
        self, place: int, recent: list[str], rng: random.Random, tally: Tally
    ) -> Iterator[str]:
        for _ in range(quota(self._options.duplicates_within, place, place + 1)):
            tally.duplicates_within += 1
            yield self._records.record(rng.choice(recent))
        for _ in range(quota(self._options.malformed, place, place + 1)):
            reason, record = self._records.rejected(recent[-1], self._rejected, rng)
            self._rejected += 1
            tally.rejected[reason] += 1
            yield record


def _chunks(lines: Iterator[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) >= BLOCK:
            yield chunk
            chunk = []
    yield chunk
