"""The commands that recommend: for a customer, and like a product."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from amazon_reviews import config
from amazon_reviews.cli.refusal import Refusal
from amazon_reviews.cli.terminal import plain
from amazon_reviews.errors import LocationError
from amazon_reviews.models.minimums import no_model
from amazon_reviews.models.recommender.names import METHOD_NAMES

if TYPE_CHECKING:
    from amazon_reviews.models.recommender.storage import RecommenderModel
    from amazon_reviews.serving.recommendations import Recommendations

_MOST = 1_000
_K = click.option(
    "--k", type=click.IntRange(1, _MOST), default=10, show_default=True, help="How many."
)
_METHOD = click.option(
    "--method", type=click.Choice(METHOD_NAMES), default="hybrid", show_default=True
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("user")
@_K
@_METHOD
@_JSON
def recommend(user: str, k: int, method: str, as_json: bool) -> None:
    """Recommend products to USER, a reviewer's id, and say why.

    Who is not known gets what is popular.
    """
    _check_given(user, "USER")
    model = _model(method)
    from amazon_reviews.serving.recommendations import recommended

    answer = recommended(model, user, k)
    if answer.cold:
        click.echo(plain(f"{method} knows nothing of {user!r}: this is what is popular"), err=True)
    _print({"user": user, "method": method}, answer, as_json)


@click.command()
@click.argument("asin")
@_K
@_METHOD
@_JSON
def similar(asin: str, k: int, method: str, as_json: bool) -> None:
    """Tell which products are most like ASIN."""
    _check_given(asin, "ASIN")
    model = _model(method)
    from amazon_reviews.serving.recommendations import similar as similar_products

    answer = similar_products(model, asin, k)
    if answer.cold:
        click.echo(plain(f"{method} knows nothing of {asin!r}: this is what is popular"), err=True)
    _print({"asin": asin, "method": method}, answer, as_json)


def _check_given(value: str, name: str) -> None:
    if not value.strip():
        raise Refusal(f"{name} is empty")


def _print(asked: Mapping[str, Any], answer: "Recommendations", as_json: bool) -> None:
    known = _facts(answer.asins)
    rows = [
        {
            "place": one.place,
            "asin": one.asin,
            "title": known.get(one.asin, {}).get("title"),
            "category": known.get(one.asin, {}).get("main_category"),
            "price": known.get(one.asin, {}).get("price"),
            "score": one.score,
            "because": one.because,
            "because_title": known.get(one.because or "", {}).get("title"),
            "because_rating": one.because_rating,
        }
        for one in answer.suggestions
    ]
    if as_json:
        click.echo(json.dumps({**asked, "cold": answer.cold, "products": rows}, indent=2))
        return
    for row in rows:
        click.echo("\n".join(map(plain, _lines(row))))


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    """Place, ASIN and what the product is; on a line of its own the reason, if there is one."""
    price = None if row["price"] is None else f"${row['price']:,.2f}"
    known = filter(None, (row["title"], row["category"], price))
    yield f"{row['place']:>4}  {row['asin']}  {' · '.join(known)}".rstrip()
    if row["because"]:
        because = row["because_title"] or row["because"]
        yield f"      because you rated {because} {row['because_rating']:g}★"


def _facts(asins: list[str]) -> dict[str, dict[str, Any]]:
    """What the warehouse says of the products; nothing where it cannot be read."""
    from amazon_reviews.errors import WarehouseError
    from amazon_reviews.resources.warehouse.connect import open_warehouse
    from amazon_reviews.serving.queries import recommender as questions

    warehouse = open_warehouse(config.load().warehouse)
    try:
        if "gold/products" not in warehouse.versions():
            click.echo("the warehouse has no products yet: no titles and prices", err=True)
            return {}
        found = questions.facts(warehouse, tuple(dict.fromkeys(asins))).to_pylist()
    except WarehouseError as error:
        click.echo(plain(f"no titles and prices: {error}"), err=True)
        return {}
    return {row["asin"]: row for row in found}


def _model(method: str) -> "RecommenderModel":
    settings = config.load()
    from amazon_reviews.errors import ModelFileError
    from amazon_reviews.models.recommender.storage import load
    from amazon_reviews.resources.model_store import ModelStore

    asset = f"model/recommender_{method}"
    try:
        stored = ModelStore(settings.models, settings.tracking_uri).current(f"recommender_{method}")
        if stored is None:
            raise Refusal(no_model(f"recommender_{method}"))
        return load(stored.path)
    except LocationError as error:
        raise Refusal(str(error)) from None
    except ModelFileError as error:
        raise Refusal(f"{error}; materialize the asset {asset} again") from None
    except OSError as error:
        raise Refusal(f"{error.filename} cannot be read: {error.strerror}") from None
