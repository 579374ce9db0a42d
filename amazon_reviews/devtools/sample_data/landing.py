"""Writer of the review partitions: blocks of distinct lines, of which defects replace some."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import IO

from amazon_reviews.devtools.sample_data import defects
from amazon_reviews.devtools.sample_data.draws import blocks, python_random, quota
from amazon_reviews.devtools.sample_data.events import BY_FILE_SHARE
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.profiles.records import ReviewRecords
from amazon_reviews.devtools.sample_data.reviews import Reviews
from amazon_reviews.devtools.sample_data.truth import Tally
from amazon_reviews.devtools.sample_data.variants import Variant
from amazon_reviews.devtools.sample_data.writer import PartFile, parts

BLOCK = 8192
REMEMBERED = 1000  # lines of a partition that later duplicates are chosen from
CARRIED_ON = 0.3  # chance that a line of two partitions is in a third one too
FOLDER = "amazon_reviews"


class Landing:
    """Writes the review partitions, in order, and counts their lines.

    Lines that are repeated in the next partition wait in a scratch file, so that memory does not
    grow with the partitions. `across` counts them. `by_file` has the lines for the events.
    """

    def __init__(
        self,
        options: SampleOptions,
        reviews: Reviews,
        variants: tuple[Variant, Variant],
        records: ReviewRecords,
        scratch: Callable[[], IO[str]],
    ) -> None:
        self._options = options
        self._reviews = reviews
        self._variants = variants
        self._records = records
        self._scratch = scratch
        self._waiting = scratch()
        self._next = scratch()
        self._remembered: list[str] = []
        self._rejected = 0
        self.across = 0
        self.by_file: list[str] = []

    def write(
        self, out: Path, partition: int, span: tuple[int, int], progress: Callable[[int], None]
    ) -> Tally:
        """Write the partition with a number from 1: the sample's lines [span[0], span[1])."""
        self._waiting.close()
        self._waiting, self._next = self._next, self._scratch()
        self._waiting.seek(0)
        self._remembered = []
        tally = Tally()
        place = out / FOLDER / f"partition_{partition}"
        names = self._records.file_names(partition)
        for part in parts(place, partition, span, names):
            with PartFile(part.path, part.ending, self._records.newline) as file:
                file.write(self._records.header)
                for block in blocks(part.start, part.stop, BLOCK):
                    lines = self._reviews.lines(*block, self._variants[part.style])
                    rejected = self._add_defects(lines, block, partition, tally)
                    file.write(self._encoded(lines, rejected))
                    progress(block[1])
        return tally

    def close(self) -> None:
        """Delete the scratch files."""
        self._waiting.close()
        self._next.close()

    def _encoded(self, lines: list[str], rejected: dict[int, str]) -> list[str]:
        return [
            rejected[place] if place in rejected else self._records.record(line)
            for place, line in enumerate(lines)
        ]

    def _add_defects(
        self, lines: list[str], block: tuple[int, int], partition: int, tally: Tally
    ) -> dict[int, str]:
        """Replace the quota of lines by duplicates, and return the rejected records by place."""
        rng = python_random(self._options.seed, "defect", block[0])
        places = list(range(len(lines)))
        rng.shuffle(places)
        invalid = _take(places, quota(self._options.malformed, *block))
        rejected = {place: self._reject(lines[place], rng, tally) for place in invalid}
        across = self._repeat_earlier(lines, places, block, partition, rng)
        within = self._repeat_current(lines, places, block, rng)
        self.across += across
        tally.distinct += len(places) + across
        tally.duplicates_within += within
        self._store([lines[place] for place in places], block, partition)
        return rejected

    def _reject(self, line: str, rng: random.Random, tally: Tally) -> str:
        reason, record = self._records.rejected(line, self._rejected, rng)
        tally.rejected[reason] += 1
        self._rejected += 1
        return record

    def _repeat_earlier(
        self,
        lines: list[str],
        places: list[int],
        block: tuple[int, int],
        partition: int,
        rng: random.Random,
    ) -> int:
        """Put lines of earlier partitions in some places, remove these, and return their number."""
        waiting = (self._waiting.readline().rstrip("\n") for _ in range(self._across(*block)))
        returning = [line for line in waiting if line][: len(places)]
        for place, line in zip(_take(places, len(returning)), returning, strict=True):
            lines[place] = defects.duplicate(line, rng)
            if rng.random() < CARRIED_ON and partition < self._options.partitions:
                self._next.write(line + "\n")
        return len(returning)

    def _repeat_current(
        self, lines: list[str], places: list[int], block: tuple[int, int], rng: random.Random
    ) -> int:
        """Put lines of this partition in some places, remove these, and return their number."""
        chosen = _take(places, quota(self._options.duplicates_within, *block))
        sources = [lines[place] for place in places[:REMEMBERED]] + self._remembered
        if not sources:
            places += chosen
            return 0
        for place in chosen:
            lines[place] = defects.duplicate(rng.choice(sources), rng)
        self._remembered = rng.sample(sources, min(REMEMBERED, len(sources)))
        return len(chosen)

    def _store(self, distinct: list[str], block: tuple[int, int], partition: int) -> None:
        """Store lines for the events and for the next partition."""
        count = quota(BY_FILE_SHARE * self._options.events / self._options.reviews, *block)
        self.by_file += distinct[:count]
        if partition < self._options.partitions:
            # One more than needed, since the next partition has other block boundaries.
            repeated = distinct[-1 - self._across(*block) :]
            self._next.writelines(f"{line}\n" for line in repeated)

    def _across(self, start: int, stop: int) -> int:
        """Return the number of lines in [start, stop) that are repeated from earlier partitions."""
        # The first partition repeats no lines, so the others repeat more.
        partitions = self._options.partitions
        share = self._options.duplicates_across * partitions / max(1, partitions - 1)
        return quota(share, start, stop)


def _take(places: list[int], count: int) -> list[int]:
    """Remove and return up to `count` places from the end of the list."""
    first = max(0, len(places) - count)
    taken = places[first:]
    del places[first:]
    return taken
