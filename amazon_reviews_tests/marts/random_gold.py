"""Random gold with all special cases of the marts: nulls, ties, bands and drops."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from amazon_reviews_tests.marts.building import product, review

NEWEST = date(2018, 6, 30)
_REVIEWS = 6_000
_WITHOUT_ROW = 8
_PRICES = "0.00 4.99 5.00 9.99 10.00 24.99 25.00 50.00 100.00 249.99 250.00 499.99 500.00".split()
_WORDS = (0, 1, 5, 6, 10, 11, 20, 21, 50, 51, 100, 101, 200, 201, 500, 501, 900)
_STARS = (None, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.0, 5.0)


def products(random: Random) -> list[dict[str, Any]]:
    """Return products with and without price, brand, category and path."""
    return [_product(random, number) for number in range(70)]


def reviews(random: Random) -> list[dict[str, Any]]:
    """Return reviews of these products, and of some that have no row."""
    return [_review(random) for _ in range(_REVIEWS)]


def _product(random: Random, number: int) -> dict[str, Any]:
    path = [None, [], ["Home"], ["Home", "Tools"], ["Home", "Garden", "Tools"], ["Toys", "Tools"]]
    price = random.choice([None, *map(Decimal, _PRICES)])
    return product(
        asin=f"B{number:03}",
        title=random.choice(["Unknown", "Can", "can", f"Can {number}"]),
        brand=random.choice(["Unknown", "Oak", "oak", "Ash", "Elm", "Yew", "Fir", "Box"]),
        main_category=random.choice([None, "Home", "Toys", "Unknown"]),
        categories=random.choice(path),
        price=price,
        price_imputed=price is not None and random.random() < 0.3,
        image_count=random.randrange(5),
        average_rating=random.choice([None, 1.0, 3.7, 5.0]),
        rating_number=random.choice([None, 0, 1, 40, 100_000]),
    )


def _review(random: Random) -> dict[str, Any]:
    # Three products have so many reviews that a drop of their stars is significant.
    number = random.choice([random.randrange(70 + _WITHOUT_ROW)] * 4 + [1, 4, 7])
    # A third of the products is reviewed faster over time, another third is rated lower.
    age = random.expovariate(1 / 60) if number % 3 == 0 else random.uniform(0, 1_200)
    liked = number % 3 != 1 or (age > 120 and not (number == 7 and 400 < age < 500))
    # Every fifth product has variants, of which the catalogue has one row.
    variant = random.randrange(3) if number % 5 == 0 else 0
    asin = f"B{number:03}"
    return review(
        random.choice(_STARS if liked else _STARS[:5]),
        None if random.random() < 0.05 else NEWEST - timedelta(days=int(age)),
        asin=f"{asin}V{variant}" if variant else asin,
        parent_asin=asin if number % 5 == 0 else random.choice([None, "F"]),
        reviewer_id=f"A{random.randrange(90)}",
        reviewer_name=random.choice(
            [None, "", "Ann", "ann", "Zoë", f"Name {random.randrange(1_500)}"]
        ),
        summary=random.choice([None, "", "Good", "good", "Ünique", *_summaries(random)]),
        verified=random.choice([None, True, True, False]),
        vote=random.choice([None, None, 0, 1, 7]),
        profile=random.choice([None, "amazon_2018", "marc"]),
        marketplace=random.choice([None, "US", "DE"]),
        language=random.choice([None, "de", "en"]),
        vine=random.choice([None, True, False]),
        source=random.choice(["batch", "batch", "stream"]),
        **_length(random),
        # Rows of earlier versions.
        **({"product_asin": None} if number % 5 and random.random() < 0.1 else {}),
    )


def _summaries(random: Random) -> list[str]:
    return [f"Summary {random.randrange(30)}", f"Rare {random.randrange(3_000)}"]


def _length(random: Random) -> dict[str, int]:
    words = random.choice(_WORDS)
    return {"word_count": words, "char_count": words and words * 5 + random.randrange(9)}
