"""Metadata lines: products as scraped from shop pages, with their markup."""

import json
import random
from datetime import date, timedelta
from typing import Any

import numpy as np

from amazon_reviews.devtools.sample_data import markup
from amazon_reviews.devtools.sample_data.categories import CATEGORIES, FASHION_LOGO, Category
from amazon_reviews.devtools.sample_data.draws import python_random
from amazon_reviews.devtools.sample_data.phrases import GOOD
from amazon_reviews.devtools.sample_data.population import Population

VERSION_SHARE = 0.05  # of the products have an earlier, less complete version

_PUBLIC_ORDER = (
    "category",
    "tech1",
    "description",
    "fit",
    "title",
    "also_buy",
    "image",
    "imageURL",
    "imageURLHighRes",
    "tech2",
    "brand",
    "feature",
    "rank",
    "also_view",
    "details",
    "main_cat",
    "similar_item",
    "date",
    "price",
    "asin",
)
_BRAND_STARTS = ("Nor", "Bel", "Kas", "Ever", "Lumi", "Oak", "Tri", "Vel", "Zen", "Har")
_BRAND_ENDS = ("dale", "ex", "wood", "mark", "line", "ton", "ora", "field", "co", "vista")
_BRAND_KINDS = ("", "", "", " Inc.", " &amp; Sons", " Publications")
MATERIALS = ("Cotton", "Steel", "Leather", "Classic", "Deluxe", "Portable", "Vintage", "Kids'")


class Products:
    """Products of a sample with metadata, in the order of Population.described."""

    def __init__(self, seed: int, population: Population) -> None:
        self._seed = seed
        self._population = population

    def line(self, place: int, public: bool) -> str:
        """Return the complete row of a product, in one of the two variants."""
        return _write(self._record(place, public), public)

    def earlier_version(self, place: int, public: bool) -> str:
        """Return a less complete row of a product, in the schema of the other variant."""
        product = self._record(place, not public)
        rng = python_random(self._seed, "product", -1 - place)
        product["description"] = []
        for key in rng.sample(("price", "brand", "title", "date", "main_cat"), 3):
            product[key] = ""
        product["feature"] = product["feature"][:1]
        return _write(product, public)

    def _record(self, place: int, image_key: bool) -> dict[str, Any]:
        rng = python_random(self._seed, "product", place)
        number = int(self._population.described[place])
        asin = self._population.asins(np.array([number]))[0]
        category = CATEGORIES[self._population.category[number]]
        product = _texts(category, rng) | _details(asin, category, rng)
        product |= _prices(category, rng) | _images(asin, image_key, rng)
        product |= {"also_buy": self._related(rng), "also_view": self._related(rng), "asin": asin}
        return product

    def _related(self, rng: random.Random) -> list[str]:
        if rng.random() < 0.4:
            return []
        count = min(1 + int(rng.expovariate(0.25)), 40)
        chosen = [rng.randrange(self._population.total) for _ in range(count)]
        return self._population.asins(np.array(chosen))


def _texts(category: Category, rng: random.Random) -> dict[str, Any]:
    noun = rng.choice(category.nouns)
    brand = brand_name(rng)
    return {
        "title": _title(brand, noun, rng),
        "brand": _worn_brand(brand, rng),
        "main_cat": _main_cat(category, rng),
        "category": _path(category, rng),
        "description": _descriptions(brand, noun, category, rng),
        "similar_item": markup.SIMILAR_ITEMS if rng.random() < 0.15 else "",
        "fit": markup.FIT_TABLE if "fit" in category.aspects and rng.random() < 0.3 else "",
        "tech2": "",
    }


def brand_name(rng: random.Random) -> str:
    """Draw the name of a brand."""
    return rng.choice(_BRAND_STARTS) + rng.choice(_BRAND_ENDS) + rng.choice(_BRAND_KINDS)


def _worn_brand(brand: str, rng: random.Random) -> str:
    chance = rng.random()
    if chance < 0.28:
        return ""
    return f"by\n    \n    {brand}" if chance < 0.36 else brand


def _title(brand: str, noun: str, rng: random.Random) -> str:
    chance = rng.random()
    if chance < 0.08:
        return markup.UNCLOSED_TITLE
    if chance < 0.10:
        return ""
    words = f"{rng.choice(MATERIALS)} {noun.title()} {rng.randrange(1, 9999)}"
    if chance < 0.20:
        return f"{brand} {words}, 4&quot;, Black &amp; White (Harvey&#39;s)"
    if chance < 0.23:
        return f'<span class="a-size-large">{brand} {words}</span>'
    return f"{' ' if chance < 0.27 else ''}{brand} {words}"


def _main_cat(category: Category, rng: random.Random) -> str:
    chance = rng.random()
    if chance < 0.05:
        return ""
    if category.main_cat != FASHION_LOGO and chance < 0.3:
        return category.main_cat.replace("&amp;", "&")
    return category.main_cat


def _path(category: Category, rng: random.Random) -> list[str]:
    if rng.random() < 0.03:
        return []
    path = [*category.path, rng.choice(category.leaves)]
    if category.main_cat == FASHION_LOGO:
        path += rng.sample(("Imported", "100% Leather", "Rubber sole", "Machine Wash"), 2)
    return path


def _descriptions(brand: str, noun: str, category: Category, rng: random.Random) -> list[str]:
    if rng.random() < 0.3:
        return []
    aspect, other = rng.sample(category.aspects, 2)
    texts = [
        f"The {noun} by {brand} combines {rng.choice(GOOD[1])} {aspect} with a {other} to match.",
        f"Features &amp; benefits:<br>{aspect.title()}<br>{other.title()}",
        "",
    ]
    return texts[: rng.randrange(1, 4)]


def _details(asin: str, category: Category, rng: random.Random) -> dict[str, Any]:
    listed = date(2000, 1, 1) + timedelta(days=rng.randrange(6500))
    listed_text = f"{listed:%B} {listed.day}, {listed.year}"
    sides = [rng.randrange(5, 300) / 10 for _ in range(3)]
    dimensions = f"{sides[0]:g} x {sides[1]:g} x {sides[2]:g} inches"
    weight = f"{rng.randrange(2, 400) / 10:g} {rng.choice(('pounds', 'ounces'))}"
    in_features = rng.random() < (0.8 if category.main_cat == FASHION_LOGO else 0.1)
    feature = [f"{aspect.title()}: {rng.choice(GOOD[0])}" for aspect in category.aspects[:3]]
    if in_features:
        feature += markup.feature_block(asin, listed_text, dimensions, weight, rng)
    return {
        "feature": feature if rng.random() < 0.8 else [],
        "details": {} if in_features else _detail_list(asin, dimensions, weight, rng),
        "date": _date(listed_text, in_features, rng),
        "tech1": markup.TECH_TABLE.format(weight=weight) if rng.random() < 0.15 else "",
        "rank": _rank(category, rng),
    }


def _detail_list(asin: str, dimensions: str, weight: str, rng: random.Random) -> dict[str, str]:
    details = {
        "\n    Item Weight: \n    ": weight,
        "\n    Product Dimensions: \n    ": f"{dimensions} ; {weight}",
        "Shipping Weight:": f"{weight} (",
        "Domestic Shipping: ": rng.choice(markup.DOMESTIC),
        "International Shipping: ": rng.choice(markup.INTERNATIONAL),
        "ASIN: ": asin,
        "UPC:": f"0799{rng.randrange(10**8):08d}",
        "Item model number:": f"DAF{rng.randrange(1000)}",
        "Batteries": "2 AA batteries required.",
        "Discontinued by manufacturer:": "No",
    }
    return {key: value for key, value in details.items() if rng.random() < 0.45}


def _date(listed: str, in_features: bool, rng: random.Random) -> str:
    chance = rng.random()
    if in_features:
        return markup.DATE_BLOCK if chance < 0.8 else brand_name(rng)
    return "" if chance < 0.5 else listed


def _rank(category: Category, rng: random.Random) -> str | list[str]:
    chance, place = rng.random(), rng.randrange(50, 9_000_000)
    department = category.path[0]
    if chance < 0.15:
        return []
    if chance < 0.6:
        return f"{place:,} in {department} ("
    leaf = f">#{place // 20 + 1:,} in {department} > {rng.choice(category.leaves)}"
    return [f">#{place:,} in {department} (See top 100)", leaf][: rng.randrange(1, 3)]


def _prices(category: Category, rng: random.Random) -> dict[str, str]:
    price = max(0.49, rng.lognormvariate(category.level, 0.8)) * (50 if rng.random() < 0.01 else 1)
    top = price * rng.uniform(1.1, 3)
    forms = (
        ("", 0.45),
        (f"${price:,.2f}", 0.42),
        (f"${price:,.2f} - ${top:,.2f}", 0.07),
        (f"{price:,.2f} - {top:,.2f}", 0.03),
        (rng.choice(markup.PRICE_JUNK), 0.03),
    )
    return {"price": rng.choices([text for text, _ in forms], [share for _, share in forms])[0]}


def _images(asin: str, single_key: bool, rng: random.Random) -> dict[str, list[str]]:
    stem = "https://images-na.ssl-images-amazon.com/images/I/51{}{}L{}.jpg"
    thumb = "._SX38_SY50_CR,0,0,38,50_"
    small = [stem.format(asin[-5:], number, thumb) for number in range(rng.randrange(6))]
    if single_key:
        return {"image": small}
    return {"imageURL": small, "imageURLHighRes": [url.split("._")[0] + ".jpg" for url in small]}


def _write(product: dict[str, Any], public: bool) -> str:
    """Format a product: the datathon's files have sorted keys and the rank as text."""
    if public:
        return json.dumps({key: product[key] for key in _PUBLIC_ORDER if key in product})
    if isinstance(product["rank"], list):
        product["rank"] = json.dumps(product["rank"], separators=(",", ":"))
    return json.dumps(product, sort_keys=True, ensure_ascii=False)
