"""Recommended products, with their facts from the warehouse, printed for people or as JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.errors import UsageError, WarehouseError
from amazon_reviews.models.recommender.names import METHOD_NAMES
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.serving.product_names import product_label, product_name
from amazon_reviews.serving.queries import recommender as queries
from amazon_reviews.serving.recommendations import MOST, Recommendations
from amazon_reviews.serving.shown_numbers import dollars
from amazon_reviews.shown_text import visible_text

K = click.option(
    "--k", type=click.IntRange(1, MOST), default=10, show_default=True, help="Number of products."
)
METHOD = click.option(
    "--method", type=click.Choice(METHOD_NAMES), default="hybrid", show_default=True
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def check_id(value: str, name: str) -> None:
    """Raise UsageError if the id in the argument `name` is blank."""
    if not value.strip():
        raise UsageError(f"{name} is empty")


def print_answer(query: Mapping[str, str], answer: Recommendations, as_json: bool) -> None:
    """Print the products of an answer; `query` is the argument by its name, and the method."""
    if answer.cold:
        argument = next(iter(query.values()))
        warning = f"{query['method']} has no data on {argument!r}: these are the popular products"
        echo(warning, err=True)
    facts = _facts(answer.asins)
    rows = [
        {
            "place": suggestion.place,
            "asin": suggestion.asin,
            "title": facts.get(suggestion.asin, {}).get("title"),
            "brand": facts.get(suggestion.asin, {}).get("brand"),
            "category": facts.get(suggestion.asin, {}).get("main_category"),
            "price": facts.get(suggestion.asin, {}).get("price"),
            "score": suggestion.score,
            "because": suggestion.because,
            "because_title": facts.get(suggestion.because or "", {}).get("title"),
            "because_rating": suggestion.because_rating,
        }
        for suggestion in answer.suggestions
    ]
    if as_json:
        echo(json.dumps({**query, "cold": answer.cold, "products": rows}, indent=2))
        return
    for row, suggestion in zip(rows, answer.suggestions, strict=True):
        reason = suggestion.because
        because = facts.get(reason, {"asin": reason}) if reason else None
        echo("\n".join(map(visible_text, _lines(row, because))))


def _lines(row: Mapping[str, Any], because: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield a line with place, ASIN and known facts, and a second one with the reason, if any."""
    price = None if row["price"] is None else dollars(row["price"])
    facts = filter(None, (product_name(row), row["category"], price))
    yield f"{row['place']:>4}  {row['asin']}  {' · '.join(facts)}"
    if because:
        yield f"      the customer rated {product_label(because)} {row['because_rating']:g} ★"


def _facts(asins: list[str]) -> dict[str, dict[str, Any]]:
    """Return the facts of the products by ASIN; none if the warehouse cannot be read."""
    warehouse = open_warehouse(config.load().warehouse)
    try:
        if "gold/products" not in warehouse.versions():
            echo("the warehouse has no products yet: no titles and prices", err=True)
            return {}
        rows = queries.facts(warehouse, tuple(dict.fromkeys(asins))).to_pylist()
    except WarehouseError as error:
        echo(f"no titles and prices: {error}", err=True)
        return {}
    return {row["asin"]: row for row in rows}
