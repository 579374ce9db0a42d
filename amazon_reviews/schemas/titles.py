"""The tables of streaming titles and their ratings."""

import pyarrow as pa

from amazon_reviews.schemas.layers import ORIGIN, bronze_records
from amazon_reviews.schemas.table import STARS, STRINGS, TEXT_MAP, Column, Rule, Table

_ID = Column("id", pa.string(), "title: first letter of the platform, then show_id")
_TITLE_ID = Column("title_id", pa.string(), "id of the title")
_PLATFORM = Column("platform", pa.string(), "amazon, disney, hulu or netflix")
_TYPE = Column("type", pa.string(), "movie or tv show")
_YEAR = Column("release_year", pa.int32(), "year of release")
_RESCUED = Column("rescued", TEXT_MAP, "columns of the file that the project does not know", "text")
_TITLE = (
    _ID,
    _PLATFORM,
    _TYPE,
    Column("title", pa.string(), "name of the title, in lower case like all text"),
    Column("director", pa.string(), "director, or several separated by commas"),
    Column("actors", STRINGS, "cast, each once, in the source's order"),
    Column("country", pa.string(), "country, or several separated by commas"),
    Column("date_added", pa.date32(), "day the platform added the title"),
    _YEAR,
    Column("rating", pa.string(), "maturity rating; g where the source has none"),
    Column("rating_imputed", pa.bool_(), "the source has no maturity rating"),
    Column("duration_int", pa.int32(), "duration in units of duration_type"),
    Column("duration_type", pa.string(), "min or season"),
    Column("listed_in", pa.string(), "genres, separated by commas"),
    Column("description", pa.string(), "plot of the title"),
)
_GROUP = "titles"

BRONZE_TITLES = bronze_records(
    "titles", "One row per record of a platform's catalogue.", group=_GROUP, domain="titles"
)
BRONZE_TITLE_RATINGS = bronze_records(
    "title_ratings", "One row per record of a file of ratings.", group=_GROUP, domain="titles"
)
SILVER_TITLES = Table(
    "silver/titles",
    "One row per distinct title of a platform.",
    (*_TITLE, _RESCUED, *ORIGIN),
    ("partition",),
    details="Text is in lower case. A duration in the column of the maturity rating is moved to "
    "its own.",
    inputs=("bronze/titles",),
    group=_GROUP,
    domain="titles",
    code_version="3",
    partitions="titles",
)
SILVER_TITLE_RATINGS = Table(
    "silver/title_ratings",
    "One row per distinct rating of a file.",
    (
        Column("rating_id", pa.string(), "128-bit hash of user, title, rating and time"),
        Column("user_id", pa.string(), "who rated", "id"),
        _TITLE_ID,
        Column("rating", pa.float64(), "from 0.5 to 5"),
        Column("rated_at", pa.timestamp("us", "UTC"), "when; null where the source has no time"),
        _RESCUED,
        *ORIGIN,
    ),
    ("partition",),
    inputs=("bronze/title_ratings",),
    group=_GROUP,
    domain="titles",
    code_version="3",
    partitions="title_ratings",
)
GOLD_TITLES = Table(
    "gold/titles",
    "One row per title of a platform.",
    (
        *_TITLE,
        Column("mean_rating", pa.float64(), "mean of its ratings, 0.5 to 5; null without any"),
        Column("mean_rating_rounded", STARS, "the same to one decimal, ties upwards"),
        Column("ratings", pa.int64(), "ratings of the title, each once"),
        _RESCUED,
    ),
    details="It has the mean and the number of its ratings. A rating of several files counts once.",
    inputs=("silver/titles", "silver/title_ratings"),
    group=_GROUP,
    domain="titles",
    checks=("accounted", "ratings_counted"),
    unique_key=("id",),
    rules=(
        Rule(
            "ranges",
            "mean ratings 0.5 to 5 where there are ratings",
            "CASE WHEN ratings > 0 THEN mean_rating BETWEEN 0.5 AND 5 "
            "ELSE ratings = 0 AND mean_rating IS NULL END",
        ),
    ),
    published=True,
    sort_by="id",
)
GOLD_TITLE_ACTORS = Table(
    "gold/title_actors",
    "One row per title and actor.",
    (
        _TITLE_ID,
        _PLATFORM,
        _TYPE,
        _YEAR,
        Column("actor", pa.string(), "name of the actor, in lower case"),
    ),
    inputs=("silver/titles",),
    group=_GROUP,
    domain="titles",
    published=True,
)
GOLD_TITLE_RATINGS_MODEL = Table(
    "gold/title_ratings_model",
    "One row per predictor of ratings and method of evaluation.",
    (
        Column("measured", pa.string(), "cross-validation, or held out: by one random part"),
        Column("share", pa.float64(), "part of the ratings that is predicted from the others"),
        Column("predictor", pa.string(), "global mean, biases, or factors beside the biases"),
        Column("factors", pa.int32(), "factors of users and titles; null for the global mean"),
        Column("regularization", pa.float64(), "of the factors; null without factors"),
        Column("rmse", pa.float64(), "root mean square error in stars; the mean of all folds"),
        Column("rmse_deviation", pa.float64(), "its deviation between folds; null without folds"),
        Column("mae", pa.float64(), "mean absolute error in stars; the mean of all folds"),
        Column("ratings", pa.int64(), "ratings, those to predict and those to learn from"),
        Column("chosen", pa.bool_(), "the best in cross-validation: the model uses it"),
    ),
    inputs=("gold/titles", "silver/title_ratings"),
    pace="daily",
    group=_GROUP,
    domain="titles",
    published=True,
)
