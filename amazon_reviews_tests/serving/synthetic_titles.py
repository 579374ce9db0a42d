"""A few streaming titles for the synthetic warehouse, some hostile."""

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.interactions import Interactions
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.schemas import TABLES

PLATFORMS = ("amazon", "disney", "hulu", "netflix")
HOSTILE = "<img src=x onerror=document.title='owned'> **the** mug"
NAMES = ("ann lee", "bob ray", "cy o'neil", "=cmd()")


def titles(count: int = 60) -> list[dict[str, Any]]:
    """Return rows of gold/titles; all values follow from the number of a title."""
    return [_title(number) for number in range(count)]


def _title(number: int) -> dict[str, Any]:
    platform, film = PLATFORMS[number % 4], number % 3 > 0
    mean = None if number % 7 == 0 else 1.5 + number % 30 / 10
    return {
        "id": f"{platform[0]}s{number}",
        "platform": platform,
        "type": "movie" if film else "tv show",
        "title": HOSTILE if number == 0 else f"title {number}",
        "director": None if number % 2 else "dee",
        "actors": None if platform == "hulu" else [NAMES[number % 4], NAMES[number // 4 % 4]],
        "country": "spain" if number % 5 else None,
        "date_added": date(2015 + number % 6, 3, 1) if number % 4 else None,
        "release_year": 2015 + number % 6,
        "rating": "g" if number % 6 == 0 else "pg",
        "rating_imputed": number % 6 == 0,
        "duration_int": None if number == 5 else 60 + number if film else 1 + number % 4,
        "duration_type": None if number == 5 else "min" if film else "season",
        "listed_in": "drama",
        "description": f"about {number}",
        "mean_rating": mean,
        "mean_rating_rounded": None if mean is None else Decimal(f"{mean:.1f}"),
        "ratings": 0 if mean is None else 10 + number,
        "rescued": None,
    }


def predictor() -> RecommenderModel:
    """Return a model trained on ratings of the titles with an even number, by ten users."""
    rated = [(f"u{user}", row["id"]) for row in titles()[::2] for user in range(10)]
    interactions = Interactions.from_rows(
        [user for user, _ in rated],
        [title for _, title in rated],
        [1 + (int(user[1:]) + int(title[2:])) % 9 / 2 for user, title in rated],
        [0] * len(rated),
    ).over_items([row["id"] for row in titles()])
    model = BiasedFactors(2).fit(interactions)
    return RecommenderModel("title_ratings", model, interactions.user_ids, interactions.item_ids)


def _errors() -> list[dict[str, Any]]:
    """Return rows of gold/title_ratings_model."""
    return [
        {
            "measured": "held out",
            "share": 0.25,
            "predictor": name,
            "factors": None,
            "regularization": None,
            "rmse": rmse,
            "rmse_deviation": None,
            "mae": rmse / 2,
            "ratings": 300,
            "chosen": name == "biases",
        }
        for name, rmse in (("global mean", 1.2), ("biases", 0.9))
    ]


def tables() -> dict[str, pa.Table]:
    """Return gold/titles, gold/title_actors and gold/title_ratings_model by name."""
    rows = titles()
    actors = [
        {"title_id": row["id"], "actor": name, **row}
        for row in rows
        for name in dict.fromkeys(row["actors"] or ())
    ]
    return {
        "gold/titles": _table("gold/titles", rows),
        "gold/title_actors": _table("gold/title_actors", actors),
        "gold/title_ratings_model": _table("gold/title_ratings_model", _errors()),
    }


def _table(key: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = TABLES[key].arrow_schema
    return pa.Table.from_pylist(
        [{name: row[name] for name in schema.names} for row in rows], schema
    )
