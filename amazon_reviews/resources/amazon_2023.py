"""Amazon Reviews 2023 of the McAuley Lab: its categories, its addresses, and its landing files.

The addresses and categories are those of https://amazon-reviews-2023.github.io (34 categories with
`Unknown`). The copy on Hugging Face has the same folders with uncompressed files.
"""

import difflib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from amazon_reviews.errors import UsageError

PAGE = "https://amazon-reviews-2023.github.io"
BASE_URL = "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023/raw"
CATEGORIES = tuple(
    """
    All_Beauty Amazon_Fashion Appliances Arts_Crafts_and_Sewing Automotive Baby_Products
    Beauty_and_Personal_Care Books CDs_and_Vinyl Cell_Phones_and_Accessories
    Clothing_Shoes_and_Jewelry Digital_Music Electronics Gift_Cards Grocery_and_Gourmet_Food
    Handmade_Products Health_and_Household Health_and_Personal_Care Home_and_Kitchen
    Industrial_and_Scientific Kindle_Store Magazine_Subscriptions Movies_and_TV Musical_Instruments
    Office_Products Patio_Lawn_and_Garden Pet_Supplies Software Sports_and_Outdoors
    Subscription_Boxes Tools_and_Home_Improvement Toys_and_Games Unknown Video_Games
    """.split()
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_FILE_SUFFIXES = (".jsonl.gz", ".jsonl")


@dataclass(frozen=True)
class PublishedFile:
    """One of the two files of a category.

    Attributes:
        category: name of the category.
        dataset: folder of its dataset in the landing zone.
        folder: folder in which it is published.
        stem: its name without extensions.
    """

    category: str
    dataset: str
    folder: str
    stem: str

    def urls(self, address: str = BASE_URL) -> list[str]:
        """Return the addresses to try in turn, at a base address or at one of a file.

        An address that ends in `.jsonl` or `.jsonl.gz` is one of a file, any other a base address.
        """
        if names_a_file(address):
            return [address]
        parts = urlsplit(address)
        path = f"{parts.path.rstrip('/')}/{self.folder}/{self.stem}"
        # The publisher has compressed files only.
        suffixes = _FILE_SUFFIXES[:1] if address == BASE_URL else _FILE_SUFFIXES
        return [parts._replace(path=path + suffix).geturl() for suffix in suffixes]

    def landing_path(self, rows: int | None = None) -> str:
        """Return the path in the landing zone of the file, or of its first `rows` lines."""
        # A part of a file must never be taken for the whole one.
        cut = f".first-{rows}" if rows else ""
        return f"{self.dataset}/{partition_of(self.category)}/{self.stem}{cut}.jsonl.gz"


def reviews_of(category: str) -> PublishedFile:
    """Return the file of the reviews of a category."""
    return PublishedFile(category, "amazon_reviews", "review_categories", category)


def products_of(category: str) -> PublishedFile:
    """Return the file of the products of a category."""
    return PublishedFile(category, "amazon_metadata", "meta_categories", f"meta_{category}")


def partition_of(category: str) -> str:
    """Return the name of the landing partition of a category."""
    # A landing partition is a folder whose name begins so.
    return f"partition_{category}"


def names_a_file(address: str) -> bool:
    """Return True if an address is that of a file, not a base address."""
    return urlsplit(address).path.endswith(_FILE_SUFFIXES)


def check_category(category: str, *, known_only: bool) -> None:
    """Check the name of a category; with `known_only` it must be a published one.

    Raises:
        UsageError: it cannot be the name of a folder, or is unknown.
    """
    unknown = known_only and category not in CATEGORIES
    if unknown or not _NAME.fullmatch(category):
        raise UsageError(
            f"{category!r} is not a category of Amazon Reviews 2023; {suggestion(category)}"
        )


def suggestion(category: str) -> str:
    """Return advice with the published categories whose names are most similar."""
    names = {name.lower(): name for name in CATEGORIES}
    wanted = re.sub(r"\W+", "_", category.lower())
    # All names share words such as "and", so a low similarity is none.
    similar = [names[name] for name in difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)]
    return f"try {' or '.join(similar)}" if similar else f"{PAGE} lists the categories"
