"""`amazon-reviews similar`."""

import click

from amazon_reviews.cli.common import suggestions
from amazon_reviews.cli.common.stored_model import stored_model
from amazon_reviews.serving.recommendations import similar as similar_products


@click.command()
@click.argument("asin")
@suggestions.K
@suggestions.METHOD
@suggestions.JSON
def similar(asin: str, k: int, method: str, as_json: bool) -> None:
    """List the products that are most similar to ASIN."""
    suggestions.check_id(asin, "ASIN")
    answer = similar_products(stored_model(f"recommender_{method}"), asin, k)
    suggestions.print_answer({"asin": asin, "method": method}, answer, as_json)
