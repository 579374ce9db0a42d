"""The tables of the recommenders: training data, evaluation, recommendations."""

from functools import partial

import pyarrow as pa

from amazon_reviews.schemas.table import STARS, Column, Table

_CODE = pa.int32()
_COUNT = pa.int64()
_REAL = pa.float64()

_REVIEWER_ID = Column("reviewer_id", pa.string(), "who wrote the review", "id")
_ASIN = Column("asin", pa.string(), "product number")
_USER = Column("user", _CODE, "row of the matrix: index of the reviewer_id among all, from 0", "id")
_PRODUCT = Column("product", _CODE, "row or column of the matrix: index of the asin, from 0")
_REVIEWED_ON = Column("reviewed_on", pa.date32(), "day of the latest review in UTC")
_SCORE = Column("score", pa.float32(), "the method's own score; 0 where popularity fills up")
_METHOD = Column("method", pa.string(), "name of the method")
_PLACE = Column("place", pa.int32(), "rank, from 1")
_COLD = Column("cold", pa.bool_(), "not in the training data: popular or similar products instead")
_MODEL_VERSION = Column("model_version", pa.string(), "version of the model: a hash of its content")

_table = partial(Table, group="recommender", domain="recommender")

RECOMMENDER_INTERACTIONS = _table(
    "gold/recommender_interactions",
    "One row per user and product with a rated review.",
    (
        _REVIEWER_ID,
        _ASIN,
        Column("rating", STARS, "stars of the latest review; of several on one day, the most"),
        _REVIEWED_ON,
        Column("reviews", _COUNT, "rated reviews of the user about the product"),
    ),
    inputs=("gold/reviews",),
    pace="daily",
)
RECOMMENDER_USERS = _table(
    "gold/recommender_users",
    "One row per user with a rated review.",
    (
        _USER,
        _REVIEWER_ID,
        Column("products", _COUNT, "products that the user has rated"),
        Column(
            "bucket",
            pa.int32(),
            "part of the users whose recommendations are stored together, from 0 to 15",
        ),
    ),
    inputs=("gold/recommender_interactions", "gold/products"),
    pace="daily",
)
RECOMMENDER_PRODUCTS = _table(
    "gold/recommender_products",
    "One row per product, rated or not.",
    (_PRODUCT, _ASIN, Column("users", _COUNT, "users who have rated the product")),
    inputs=("gold/recommender_interactions", "gold/products"),
    pace="daily",
)
RECOMMENDER_RATINGS = _table(
    "gold/recommender_ratings",
    "One row per stored value of the user × product matrix of ratings.",
    (_USER, _PRODUCT, Column("rating", pa.float32(), "stars, 1 to 5"), _REVIEWED_ON),
    inputs=("gold/recommender_interactions", "gold/products"),
    pace="daily",
)
RECOMMENDER_CATEGORIES = _table(
    "gold/recommender_categories",
    "One row per 1 in the binary product × category matrix.",
    (
        _PRODUCT,
        Column("category", _CODE, "column of the matrix: index of the name among all, from 0"),
        Column("name", pa.string(), "name of the category"),
    ),
    inputs=("gold/recommender_interactions", "gold/products"),
    pace="daily",
)
RECOMMENDER_EVALUATION = _table(
    "gold/recommender_evaluation",
    "One row per split, method, group of users and figure.",
    (
        Column("split", pa.string(), "temporal or leave-last-out"),
        _METHOD,
        Column("group", pa.string(), "all; warm or cold; own_day or same_day"),
        Column("figure", pa.string(), "such as ndcg@10, rmse, cold_users or fit_seconds"),
        Column("value", _REAL, "mean over the users of the group"),
        Column("low", _REAL, "lower end of the 95 % confidence interval; null without an interval"),
        Column("high", _REAL, "upper end of the 95 % confidence interval"),
    ),
    inputs=(
        "gold/recommender_users",
        "gold/recommender_products",
        "gold/recommender_ratings",
        "gold/recommender_categories",
    ),
    code_version="2",
    published=True,
)
RECOMMENDER_TOP = _table(
    "gold/recommender_top",
    "One row per user and rank of a recommended product.",
    (
        _REVIEWER_ID,
        _PLACE,
        _ASIN,
        _SCORE,
        _COLD,
        Column("because_asin", pa.string(), "liked product of the user that is most similar"),
        Column("because_rating", pa.float32(), "stars that the user gave because_asin"),
        _METHOD,
        _MODEL_VERSION,
        Column("bucket", pa.int32(), "part of the users, from 0 to 15"),
    ),
    ("bucket",),
    sort_by="reviewer_id",
    inputs=("model/recommender_hybrid",),
    published=True,
)
RECOMMENDER_SIMILAR = _table(
    "gold/recommender_similar",
    "One row per product and rank of a similar product.",
    (
        _ASIN,
        _PLACE,
        Column("similar_asin", pa.string(), "similar product"),
        _SCORE,
        _COLD,
        _METHOD,
        _MODEL_VERSION,
    ),
    sort_by="asin",
    inputs=("model/recommender_hybrid",),
    published=True,
)
