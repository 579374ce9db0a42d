"""Files of products in other profiles than amazon_2018."""

import html
import json
import random
import re
from abc import abstractmethod
from hashlib import blake2b
from typing import Any

from amazon_reviews.devtools.sample_data import defects
from amazon_reviews.devtools.sample_data.categories import FASHION_LOGO
from amazon_reviews.devtools.sample_data.options import SampleOptions
from amazon_reviews.devtools.sample_data.profiles.names import FileNames
from amazon_reviews.devtools.sample_data.profiles.ratings import Ratings
from amazon_reviews.devtools.sample_data.profiles.records import Records

Product = dict[str, Any]
_IMAGES = "https://m.media-amazon.com/images/I/"
_RANK = re.compile(r"([\d,]+) in ([^>(]+)")
_PRICE = re.compile(r"\$?([\d,]+\.\d\d)")
_DATE = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}")
_BAD_BYTES = "\udcff\udc90"


class EncodedProducts(Records):
    """Products of amazon_2018 with other names and types."""

    names: FileNames

    def file_names(self, partition: int) -> list[str]:
        """Return the names of the files of a partition with a number from 1."""
        return self.names.listed(
            partition, self._options.files_per_partition, self._options.compress
        )

    def record(self, line: str) -> str:
        """Return the record of a valid line."""
        return self.written(self.encode(json.loads(line)))

    def rejected(self, line: str, number: int, rng: random.Random) -> tuple[str, str]:
        """Return a rejection reason, and a record that must be rejected for it."""
        reason = defects.PRODUCT_REASONS[number % len(defects.PRODUCT_REASONS)]
        return reason, self.invalid(self.record(line), reason, rng)

    @abstractmethod
    def encode(self, product: Product) -> Product:
        """Return the fields of the profile."""

    @abstractmethod
    def written(self, product: Product) -> str:
        """Return the record of the fields."""

    @abstractmethod
    def invalid(self, record: str, reason: str, rng: random.Random) -> str:
        """Return a record like the given one with a defect."""


class Products2014(EncodedProducts):
    """Products of amazon_2014: literals of Python, whose keys differ from product to product."""

    names = FileNames("meta_{category}", ".json.gz")

    def encode(self, product: Product) -> Product:
        """Return the fields of the profile."""
        images = product.get("image") or product.get("imageURL")
        related = {"also_bought": product["also_buy"], "also_viewed": product["also_view"]}
        fields = {
            "asin": product["asin"],
            "title": _plain(product["title"]),
            "price": _price(product["price"]),
            "imUrl": images and images[0],
            "related": {key: asins for key, asins in related.items() if asins},
            "salesRank": _ranks(product["rank"]),
            "categories": [product["category"]],
            "description": " ".join(product["description"]),
            "brand": _plain(product["brand"]),
        }
        return {key: value for key, value in fields.items() if value}

    def written(self, product: Product) -> str:
        """Return the record of the fields."""
        return ascii(product)

    def invalid(self, record: str, reason: str, rng: random.Random) -> str:
        """Return a record like the given one with a defect; a cut literal is `not_json`."""
        asin = record[: record.index(",") + 1]
        return {
            "not_json": record[: rng.randrange(2, len(record) - 1)],
            "missing_field": record.replace(asin, "{" + rng.choice(("", "'asin': None,")), 1),
            "wrong_type": record.replace(asin, f"{{'asin': [{asin[9:-1]}],", 1),
            "not_utf8": record.replace("{'asin': '", "{'asin': '" + _BAD_BYTES, 1),
            "not_an_object": rng.choice(("['B0007RAE7A', 5.0]", "'five stars'", "42", "None")),
        }[reason]


class Products2023(EncodedProducts):
    """Products of amazon_2023: no asin but a parent_asin, with the ratings of the reviews."""

    names = FileNames("meta_{category}", ".jsonl.gz")

    def __init__(self, options: SampleOptions, ratings: Ratings) -> None:
        super().__init__(options)
        self._ratings = ratings

    def encode(self, product: Product) -> Product:
        """Return the fields of the profile."""
        asin = product["asin"]
        mean, count = self._ratings.shown(asin)
        brand = _plain(product["brand"])
        price = _price(product["price"])
        return {
            "main_category": _department(product["main_cat"]),
            "title": _plain(product["title"]),
            "average_rating": mean,
            "rating_number": count,
            "features": product["feature"],
            "description": [text for text in product["description"] if text],
            "price": "None" if price is None and product["price"] else price,
            "images": _images(product),
            "videos": _videos(asin, brand),
            "store": brand or None,
            "categories": [html.unescape(name) for name in product["category"]],
            "details": _details(product, brand),
            "parent_asin": asin,
            "bought_together": None,
        }

    def written(self, product: Product) -> str:
        """Return the record of the fields."""
        return json.dumps(product)

    def invalid(self, record: str, reason: str, rng: random.Random) -> str:
        """Return a record like the given one with a defect."""
        return defects.invalid_product(record, reason, rng, "parent_asin")


def _department(name: str) -> str | None:
    return "AMAZON FASHION" if name == FASHION_LOGO else _plain(name) or None


def _plain(text: str) -> str:
    """Return the text without markup."""
    return html.unescape(re.sub(r"<[^>]*>?", "", text)).removeprefix("by").strip()


def _price(text: str) -> float | None:
    found = _PRICE.fullmatch(text.split(" - ")[0])
    return float(found[1].replace(",", "")) if found else None


def _ranks(rank: str | list[str]) -> dict[str, int]:
    text = rank if isinstance(rank, str) else "\n".join(rank)
    return {
        department.strip(): int(place.replace(",", ""))
        for place, department in _RANK.findall(html.unescape(text))
    }


def _images(product: Product) -> list[dict[str, str | None]]:
    codes = [
        url.rsplit("/", 1)[-1].split(".")[0]
        for url in product.get("image") or product.get("imageURL") or ()
    ]
    return [
        {
            "thumb": f"{_IMAGES}{code}._AC_US40_.jpg",
            "large": f"{_IMAGES}{code}._AC_.jpg",
            "variant": f"PT{number:02d}" if number else "MAIN",
            "hi_res": None if number % 3 == 1 else f"{_IMAGES}{code}._AC_SL1500_.jpg",
        }
        for number, code in enumerate(codes)
    ]


def _videos(asin: str, brand: str) -> list[dict[str, str]]:
    code = blake2b(asin.encode(), digest_size=16).hexdigest()
    url = f"https://www.amazon.com/vdp/{code}?ref=dp_vse_rvc_"
    count = int(code[0], 16) % 3
    return [{"title": f"About {brand}", "url": f"{url}{n}", "user_id": ""} for n in range(count)]


def _details(product: Product, brand: str) -> dict[str, Any]:
    details = {key.strip(" \n:"): value for key, value in product["details"].items()}
    extra = {
        "Brand": brand,
        "Best Sellers Rank": _ranks(product["rank"]),
        "Date First Available": product["date"] if _DATE.fullmatch(product["date"]) else "",
    }
    return details | {key: value for key, value in extra.items() if value}
