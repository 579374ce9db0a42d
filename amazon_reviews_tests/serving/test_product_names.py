"""Names and prices of products: no imputed price is shown as a price, no known name is left out."""

import json

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.serving.product_names import product_label, product_name
from amazon_reviews.serving.queries import catalogue, recommender
from amazon_reviews.serving.shown_numbers import dollars


@pytest.mark.parametrize(
    ("title", "brand", "name", "label"),
    [
        ("Mug", "Acme", "Mug", "Mug · Acme · B1"),
        ("Mug", "Unknown", "Mug", "Mug · B1"),
        (None, "Acme", "Acme", "Acme · B1"),
        ("Unknown", "Acme", "Acme", "Acme · B1"),
        ("Unknown", "Unknown", "Unknown", "Unknown · B1"),
        (None, None, "Unknown", "Unknown · B1"),
    ],
)
def test_a_product_is_named_by_what_is_known(title, brand, name, label):
    product = {"asin": "B1", "title": title, "brand": brand}

    assert product_name(product) == name
    assert product_label(product) == label


def test_prices_are_money():
    assert [dollars(price) for price in (2614.78, 5.0, None)] == ["$2,614.78", "$5.00", "–"]


def test_an_imputed_price_is_no_price_of_a_product(warehouse):
    # In the synthetic warehouse, the price of every fourth product is imputed.
    asins = tuple(f"P{number:03}" for number in range(12))
    expected = {f"P{n:03}": n * 3 + 1 if n % 4 else None for n in range(12)}

    facts = recommender.facts(warehouse, asins).to_pylist()
    ratings = [catalogue.product(warehouse, asin).to_pylist()[0] for asin in asins]

    for rows in (facts, ratings):
        assert {row["asin"]: row["price"] for row in rows} == expected
    customer = recommender.customer_ids(warehouse)["reviewer_id"][0].as_py()
    history = recommender.history(warehouse, customer).to_pylist()
    assert {row["price"] is None for row in history} == {True, False}
    for row in history:
        number = int(row["asin"][1:])
        assert row["price"] == (number * 3 + 1 if number % 4 else None)


@pytest.fixture
def command(warehouse_url, models):
    def run(*arguments):
        env = {
            "AMAZON_REVIEWS_MODELS": str(models),
            "AMAZON_REVIEWS_WAREHOUSE": warehouse_url,
        }
        result = CliRunner().invoke(main, [*arguments, "--k", "12"], env=env)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.mark.parametrize("arguments", [("similar", "P007"), ("recommend", "A001")])
def test_commands_print_listed_prices_only(command, arguments):
    products = json.loads(command(*arguments, "--json"))["products"]
    lines = [line for line in command(*arguments).splitlines() if "the customer rated" not in line]

    numbers = [int(row["asin"][1:]) for row in products]
    assert {number % 4 == 0 for number in numbers} == {True, False}
    for number, row, line in zip(numbers, products, lines, strict=True):
        price = number * 3 + 1
        assert row["price"] == (price if number % 4 else None)
        assert line.endswith(f"· ${price}.00") == (number % 4 > 0), line
        assert ("$" in line) == (number % 4 > 0), line
