"""Event bodies: reviews as the stream sends them."""

import json
import math
from collections import deque
from collections.abc import Callable
from typing import Any

from amazon_reviews.devtools.sample_data import defects
from amazon_reviews.devtools.sample_data.draws import blocks, python_random, quota
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.reviews import Reviews
from amazon_reviews.devtools.sample_data.truth import Tally
from amazon_reviews.devtools.sample_data.variants import Variant
from amazon_reviews.devtools.sample_data.writer import PartFile

BY_FILE_SHARE = 0.2
BLOCK = 4096
FIRST_NUMBER = 140_006_073
_FIELDS = (
    "asin",
    "image",
    "overall",
    "reviewText",
    "reviewerID",
    "reviewerName",
    "style",
    "summary",
    "verified",
    "vote",
)


def body(line: str, number: int) -> str:
    """Return the event of a review line: texts only, no time, and the two numbers of the sender."""
    review = json.loads(line)
    event: dict[str, Any] = {key: _text(key, review[key]) for key in _FIELDS if key in review}
    event |= {"internal_partition": "0", "partition_number": number}
    return json.dumps(event, ensure_ascii=False)


class Events:
    """Writes the event bodies and counts them.

    Some bodies are reviews that are in a file too (`by_file` counts the distinct ones), some are
    sent twice, and some are invalid. The others are in the stream only. A review whose identity
    the source profile of the files changes (`is_same` is false) counts as in the stream only.
    """

    def __init__(
        self,
        options: SampleOptions,
        reviews: Reviews,
        variant: Variant,
        is_same: Callable[[str], bool],
    ) -> None:
        self._options = options
        self._is_same = is_same
        self._reviews = reviews
        self._variant = variant
        self._rng = python_random(options.seed, "event")
        self._waiting: deque[str] = deque()
        self._sent: deque[str] = deque(maxlen=BLOCK)
        self.tally = Tally()
        self.by_file = 0

    def write(self, file: PartFile, from_files: list[str]) -> None:
        """Write options.events bodies, including those of the lines `from_files`."""
        self._waiting.extend(from_files)
        share = len(from_files) / max(1, self._options.events)
        for start, stop in blocks(0, self._options.events, BLOCK):
            first = self._options.reviews
            lines = self._reviews.lines(first + start, first + stop, self._variant)
            kinds = self._kinds(start, stop, share)
            numbers = range(FIRST_NUMBER + start, FIRST_NUMBER + stop)
            file.write(map(self._body, kinds, lines, numbers))

    def _kinds(self, start: int, stop: int, from_files: float) -> list[str]:
        """Return the kinds of the events [start, stop), in random order."""
        # Rounded up, so that a small share of few events still gives an invalid event.
        share = self._options.malformed
        kinds = ["invalid"] * (math.ceil(share * stop) - math.ceil(share * start))
        kinds += ["duplicate"] * quota(self._options.duplicates_within, start, stop)
        kinds += ["file"] * quota(from_files, start, stop)
        kinds = (kinds + ["new"] * (stop - start))[: stop - start]
        self._rng.shuffle(kinds)
        return kinds

    def _body(self, kind: str, line: str, number: int) -> str:
        if kind == "invalid":
            rejected = self.tally.rejected.total()
            reason, record = defects.rejected_review(body(line, number), rejected, self._rng)
            self.tally.rejected[reason] += 1
            return record
        if kind == "duplicate" and self._sent:
            self.tally.duplicates_within += 1
            return body(self._rng.choice(self._sent), number)
        if kind == "file" and self._waiting:
            line = self._waiting.popleft()
            self.by_file += self._is_same(line)
        self.tally.distinct += 1
        self._sent.append(line)
        return body(line, number)


def _text(key: str, value: Any) -> str:
    if key == "overall":
        return f"{float(value):.1f}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
