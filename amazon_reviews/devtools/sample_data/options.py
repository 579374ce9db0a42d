"""Options of a sample."""

from dataclasses import dataclass

# Names of formats; `fine_food_snap` is fine_food as paragraphs.
PROFILES = (
    "amazon_2018",
    "amazon_2014",
    "amazon_2023",
    "aws_customer_reviews",
    "fine_food",
    "fine_food_snap",
    "marc",
    "datafiniti",
    "yelp",
)
LARGEST_COUNT = 500_000_000
LARGEST_SHARE = 0.5

_AT_LEAST = {
    "reviews": 1,
    "products": 1,
    "users": 1,
    "partitions": 1,
    "events": 0,
    "titles": 0,
    "title_ratings": 0,
    "seed": 0,
    "incidents": 0,
    "files_per_partition": 1,
}
_SHARES = ("duplicates_within", "duplicates_across", "malformed", "unknown_fields")


@dataclass(frozen=True)
class SampleOptions:
    """Size and defects of a sample.

    Shares are fractions of the lines.

    Attributes:
        reviews: Review lines of all partitions, with duplicates and malformed lines.
        products: Distinct asins in the metadata.
        users: Reviewers.
        partitions: Review partitions.
        events: Event bodies.
        titles: Streaming titles; the catalogues have up to four more.
        title_ratings: Ratings of the titles.
        seed: Seed of all random numbers.
        duplicates_within: Share of duplicates within a partition.
        duplicates_across: Share of duplicates of other partitions; needs two partitions.
        malformed: Share of lines that must be rejected.
        unknown_fields: Share of valid reviews with fields that are not in the schema.
        files_per_partition: Part files of a partition.
        compress: True for gzip, where the files of the profile are published compressed.
        profile: Source profile of reviews and products, one of PROFILES.
        incidents: Products whose stars drop in a period, at most `products`.

    Raises:
        ValueError: A value is not valid; the text names the option.
    """

    reviews: int = 100_000
    products: int = 2_000
    users: int = 5_000
    partitions: int = 10
    events: int = 1_000
    titles: int = 300
    title_ratings: int = 6_000
    seed: int = 7
    duplicates_within: float = 0.01
    duplicates_across: float = 0.005
    malformed: float = 0.002
    unknown_fields: float = 0.001
    files_per_partition: int = 2
    compress: bool = True
    profile: str = PROFILES[0]
    incidents: int = 0

    def __post_init__(self) -> None:
        for name, least in _AT_LEAST.items():
            _check_count(name, getattr(self, name), least)
        for name in _SHARES:
            _check_share(name, getattr(self, name))
        defects = self.duplicates_within + self.duplicates_across + self.malformed
        if defects > LARGEST_SHARE:
            raise ValueError(
                "duplicates_within + duplicates_across + malformed must be at most "
                f"{LARGEST_SHARE}, got {defects}"
            )
        if self.partitions > self.reviews:
            raise ValueError(
                f"partitions must be at most reviews ({self.reviews}), got {self.partitions}"
            )
        if self.incidents > self.products:
            raise ValueError(
                f"incidents must be at most products ({self.products}), got {self.incidents}"
            )
        if self.title_ratings and not self.titles:
            raise ValueError("title_ratings must be 0 if titles is 0")
        if not isinstance(self.compress, bool):
            raise ValueError(f"compress must be true or false, got {self.compress!r}")
        if self.profile not in PROFILES:
            raise ValueError(f"profile must be one of {', '.join(PROFILES)}, got {self.profile!r}")

    @property
    def metadata_partitions(self) -> int:
        """Number of metadata partitions: one for five review partitions, and none is empty."""
        return max(1, min(self.products, self.partitions // 5))


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    if not least <= value <= LARGEST_COUNT:
        raise ValueError(f"{name} must be from {least} to {LARGEST_COUNT}, got {value}")


def _check_share(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number, got {value!r}")
    if not 0 <= value <= LARGEST_SHARE:
        raise ValueError(f"{name} must be from 0 to {LARGEST_SHARE}, got {value}")
