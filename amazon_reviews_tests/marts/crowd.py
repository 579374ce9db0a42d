"""Gold at random, with all that the marts treat apart: nulls, ties, bands, bursts and drops."""

from datetime import date, timedelta
from decimal import Decimal

from amazon_reviews_tests.marts.making import product, review

NEWEST = date(2018, 6, 30)
_REVIEWS = 6_000
_WITHOUT_ROW = 8
_PRICES = "0.00 4.99 5.00 9.99 10.00 24.99 25.00 50.00 100.00 249.99 250.00 499.99 500.00".split()
_WORDS = (0, 1, 5, 6, 10, 11, 20, 21, 50, 51, 100, 101, 200, 201, 500, 501, 900)
_STARS = (None, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.0, 5.0)


def products(draws):
    """Products with and without price, brand, category and path."""
    return [_product(draws, number) for number in range(70)]


def reviews(draws):
    """Reviews of these products and of some that have no row."""
    return [_review(draws) for _ in range(_REVIEWS)]


def _product(draws, number):
    path = [None, [], ["Home"], ["Home", "Tools"], ["Home", "Garden", "Tools"], ["Toys", "Tools"]]
    price = draws.choice([None, *map(Decimal, _PRICES)])
    return product(
        asin=f"B{number:03}",
        title=draws.choice(["Unknown", "Can", "can", f"Can {number}"]),
        brand=draws.choice(["Unknown", "Oak", "oak", "Ash", "Elm", "Yew", "Fir", "Box"]),
        main_category=draws.choice([None, "Home", "Toys", "Unknown"]),
        categories=draws.choice(path),
        price=price,
        price_imputed=price is not None and draws.random() < 0.3,
        image_count=draws.randrange(5),
    )


def _review(draws):
    number = draws.randrange(70 + _WITHOUT_ROW)
    # A third of the products is reviewed ever faster, another third is liked ever less.
    age = draws.expovariate(1 / 60) if number % 3 == 0 else draws.uniform(0, 1_200)
    liked = number % 3 != 1 or age > 120
    return review(
        draws.choice(_STARS if liked else _STARS[:5]),
        None if draws.random() < 0.05 else NEWEST - timedelta(days=int(age)),
        asin=f"B{number:03}",
        reviewer_id=f"A{draws.randrange(90)}",
        reviewer_name=draws.choice(
            [None, "", "Ann", "ann", "Zoë", f"Name {draws.randrange(1_500)}"]
        ),
        summary=draws.choice([None, "", "Good", "good", "Ünique", *_summaries(draws)]),
        verified=draws.choice([None, True, True, False]),
        vote=draws.choice([None, None, 0, 1, 7]),
        source=draws.choice(["batch", "batch", "stream"]),
        **_length(draws),
    )


def _summaries(draws):
    return [f"Summary {draws.randrange(30)}", f"Rare {draws.randrange(3_000)}"]


def _length(draws):
    words = draws.choice(_WORDS)
    return {"word_count": words, "char_count": words and words * 5 + draws.randrange(9)}
