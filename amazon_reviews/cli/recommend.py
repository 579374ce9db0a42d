"""`amazon-reviews recommend`."""

import click

from amazon_reviews.cli.common import suggestions
from amazon_reviews.cli.common.stored_model import stored_model
from amazon_reviews.serving.recommendations import recommended


@click.command()
@click.argument("user")
@suggestions.K
@suggestions.METHOD
@suggestions.JSON
def recommend(user: str, k: int, method: str, as_json: bool) -> None:
    """Recommend products to USER, a reviewer's id, with the reason.

    An unknown reviewer gets the popular products.
    """
    suggestions.check_id(user, "USER")
    answer = recommended(stored_model(f"recommender_{method}"), user, k)
    suggestions.print_answer({"user": user, "method": method}, answer, as_json)
