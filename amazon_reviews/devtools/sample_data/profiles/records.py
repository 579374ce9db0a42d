"""The interface of a source profile: how it writes reviews and products.

The generator makes reviews and products as lines of amazon_2018. A profile encodes them.
"""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass

from amazon_reviews.devtools.sample_data import defects
from amazon_reviews.devtools.sample_data.draws import python_random
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.population import Population
from amazon_reviews.devtools.sample_data.profiles.items import Items
from amazon_reviews.devtools.sample_data.profiles.names import FileNames
from amazon_reviews.devtools.sample_data.profiles.ratings import Ratings
from amazon_reviews.devtools.sample_data.profiles.review import Review, parse_review


class Records(ABC):
    """Records of reviews or of products."""

    def __init__(self, options: SampleOptions) -> None:
        self._options = options

    @abstractmethod
    def file_names(self, partition: int) -> list[str]:
        """Return the names of the files of a partition with a number from 1."""

    @abstractmethod
    def record(self, line: str) -> str:
        """Return the record of a valid line."""

    @abstractmethod
    def rejected(self, line: str, number: int, rng: random.Random) -> tuple[str, str]:
        """Return a rejection reason, and a record that must be rejected for it.

        The reasons alternate with `number`, that of the rejected record. All profiles take the same
        random numbers from `rng`. Bytes that are not UTF-8 are lone surrogates.
        """


class ReviewRecords(Records):
    """Records of reviews.

    Attributes:
        header: Lines at the beginning of a file: none or one.
        newline: Separator of the records.
    """

    header: tuple[str, ...] = ()
    newline = "\n"

    @abstractmethod
    def is_same(self, line: str) -> bool:
        """Return True if the record has the identity of the line: ids, stars and texts."""

    @property
    def described_products(self) -> int:
        """The number of products that have columns in the reviews written so far."""
        return 0


class EncodedReviews(ReviewRecords):
    """Records of reviews in a profile other than amazon_2018.

    Attributes:
        names: Names of the files.
        reasons: Rejection reasons that a defect of the container can have.
        describes_products: True if the records have columns about the product.
        items: These columns by asin.
        ratings: The ratings written so far.
    """

    names: FileNames
    reasons: tuple[str, ...]
    describes_products = False

    def __init__(self, options: SampleOptions, population: Population) -> None:
        super().__init__(options)
        self.items = Items(options.seed, population)
        self.ratings = Ratings()

    @property
    def described_products(self) -> int:
        """The number of products that have columns in the reviews written so far."""
        return len(self.ratings) if self.describes_products else 0

    def file_names(self, partition: int) -> list[str]:
        """Return the names of the files of a partition with a number from 1."""
        return self.names.listed(
            partition, self._options.files_per_partition, self._options.compress
        )

    def record(self, line: str) -> str:
        """Return the record of a valid line, and count its rating."""
        review = parse_review(line)
        self.ratings.add(review.asin, review.stars)
        return self.encode(review)

    def rejected(self, line: str, number: int, rng: random.Random) -> tuple[str, str]:
        """Return a rejection reason, and a record that must be rejected for it."""
        # Takes the random numbers of amazon_2018, so that every profile repeats the same reviews.
        defects.rejected_review(line, number, rng)
        reason = self.reasons[number % len(self.reasons)]
        review_rng = python_random(self._options.seed, self._options.profile, number)
        return reason, self.invalid(parse_review(line), reason, review_rng)

    def is_same(self, line: str) -> bool:
        """Return True if the record has the identity of the line: ids, stars and texts."""
        return self.keeps_identity(parse_review(line))

    @abstractmethod
    def encode(self, review: Review) -> str:
        """Return the record of a review."""

    @abstractmethod
    def invalid(self, review: Review, reason: str, rng: random.Random) -> str:
        """Return a record like that of the review, with a defect of one of `reasons`."""

    def keeps_identity(self, review: Review) -> bool:
        """Return True if the record has the ids, stars and texts of amazon_2018.

        It is False by default, for profiles with ids of their own.
        """
        return False


@dataclass(frozen=True)
class Profile:
    """A source profile. `products` is None if it has no files of products."""

    reviews: ReviewRecords
    products: Records | None = None
