"""The sentiment rule: the sentiment of a review by its stars."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import NEGATIVE, NEUTRAL, NEUTRAL_STARS, POSITIVE


def sentiment_of(stars: Column) -> Column:
    """Return the sentiment of stars; null for null."""
    return (
        F.when(stars < NEUTRAL_STARS, NEGATIVE)
        .when(stars == NEUTRAL_STARS, NEUTRAL)
        .when(stars > NEUTRAL_STARS, POSITIVE)
    )
