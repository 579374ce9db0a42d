"""The fewest data that each model is learned from, and the advice where there is no model."""

FEWEST_REVIEWS = 200
"""Reviews of 1, 2, 4 or 5 stars without which no sentiment model is learned."""
FEWEST_TITLE_RATINGS = 100
"""Ratings of known titles without which no model of them is learned."""

_MODELS = {
    "sentiment": (
        "sentiment model",
        f"{FEWEST_REVIEWS} reviews of 1, 2, 4 or 5 stars, positive and negative ones",
    ),
    "recommender": ("recommender", "one rated review"),
    "title_ratings": ("model of title ratings", f"{FEWEST_TITLE_RATINGS} ratings of known titles"),
}


def no_model(name: str) -> str:
    """Say that there is no model of this name, which asset it is, and what it is made from."""
    kind, data = _MODELS["recommender" if name.startswith("recommender_") else name]
    made = f"`amazon-reviews run` makes the asset model/{name} from at least {data}"
    return f"there is no {kind}; {made}"
