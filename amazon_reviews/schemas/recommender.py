"""The tables of the recommenders: what they learn from, how good they are, what they recommend."""

import pyarrow as pa

from amazon_reviews.schemas.columns import STARS, Column, Table

_CODE = pa.int32()
_COUNT = pa.int64()
_REAL = pa.float64()

_REVIEWER_ID = Column("reviewer_id", pa.string(), "who wrote the review")
_ASIN = Column("asin", pa.string(), "product number")
_USER = Column("user", _CODE, "row of the matrix: place of the reviewer_id among all, from 0")
_PRODUCT = Column("product", _CODE, "row or column of the matrix: place of the asin, from 0")
_REVIEWED_ON = Column("reviewed_on", pa.date32(), "day of the latest review in UTC")
_SCORE = Column("score", pa.float32(), "the method's own score; 0 where popularity fills up")
_METHOD = Column("method", pa.string(), "name of the method")
_PLACE = Column("place", pa.int32(), "place in the list, from 1")
_COLD = Column("cold", pa.bool_(), "the method knows nothing of it: what is popular, or alike")
_MODEL_VERSION = Column("model_version", pa.string(), "name of what the model answers")

RECOMMENDER_INTERACTIONS = Table(
    "gold/recommender_interactions",
    "One row per user and product with a rated review.",
    (
        _REVIEWER_ID,
        _ASIN,
        Column("rating", STARS, "stars of the latest review; of several of a day the most"),
        _REVIEWED_ON,
        Column("reviews", _COUNT, "rated reviews of the user about the product"),
    ),
)
RECOMMENDER_USERS = Table(
    "gold/recommender_users",
    "One row per user with a rated review.",
    (
        _USER,
        _REVIEWER_ID,
        Column("products", _COUNT, "products that the user has rated"),
        Column("bucket", pa.int32(), "part of the users that it is answered with, from 0 to 15"),
    ),
)
RECOMMENDER_PRODUCTS = Table(
    "gold/recommender_products",
    "One row per product, rated or not.",
    (_PRODUCT, _ASIN, Column("users", _COUNT, "users who have rated the product")),
)
RECOMMENDER_RATINGS = Table(
    "gold/recommender_ratings",
    "One row per stored value of the user × product matrix of ratings.",
    (_USER, _PRODUCT, Column("rating", pa.float32(), "stars, 1 to 5"), _REVIEWED_ON),
)
RECOMMENDER_CATEGORIES = Table(
    "gold/recommender_categories",
    "One row per 1 in the binary product × category matrix.",
    (
        _PRODUCT,
        Column("category", _CODE, "column of the matrix: place of the name among all, from 0"),
        Column("name", pa.string(), "name of the category"),
    ),
)
RECOMMENDER_EVALUATION = Table(
    "gold/recommender_evaluation",
    "One row per split, method, group of users and figure.",
    (
        Column("split", pa.string(), "temporal or leave-last-out"),
        _METHOD,
        Column("group", pa.string(), "all; warm or cold; own_day or same_day"),
        Column("figure", pa.string(), "such as ndcg@10, rmse, cold_users or fit_seconds"),
        Column("value", _REAL, "mean over the users of the group"),
        Column("low", _REAL, "lower end of its interval of 95 %; null where there is none"),
        Column("high", _REAL, "upper end of it"),
    ),
)
RECOMMENDER_TOP = Table(
    "gold/recommender_top",
    "One row per user and place among what is recommended to the user.",
    (
        _REVIEWER_ID,
        _PLACE,
        _ASIN,
        _SCORE,
        _COLD,
        Column("because_asin", pa.string(), "product the user liked that it is most like"),
        Column("because_rating", pa.float32(), "stars that the user gave that one"),
        _METHOD,
        _MODEL_VERSION,
        Column("bucket", pa.int32(), "part of the users, from 0 to 15"),
    ),
    ("bucket",),
    looked_up_by="reviewer_id",
)
RECOMMENDER_SIMILAR = Table(
    "gold/recommender_similar",
    "One row per product and place among the products like it.",
    (
        _ASIN,
        _PLACE,
        Column("similar_asin", pa.string(), "a product like it"),
        _SCORE,
        _COLD,
        _METHOD,
        _MODEL_VERSION,
    ),
    looked_up_by="asin",
)
