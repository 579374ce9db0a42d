"""The tables of the sentiment model: examples, evaluation, predictions."""

from functools import partial

import pyarrow as pa

from amazon_reviews.schemas.table import STARS, Column, Table

_COUNT = pa.int64()
_REAL = pa.float64()

_REVIEW_ID = Column("review_id", pa.string(), "the review")
_REVIEWER_ID = Column("reviewer_id", pa.string(), "who wrote the review", "id")
_OVERALL = Column("overall", STARS, "stars from 1 to 5; null when the review is unrated")
_REVIEWED_ON = Column("reviewed_on", pa.date32(), "day of the review in UTC")
_MAIN_CATEGORY = Column("main_category", pa.string(), "main category of the product")
_BRAND = Column("brand", pa.string(), "brand of the product")
_ASIN = Column("asin", pa.string(), "product the review is about")
_MODEL_VERSION = Column("model_version", pa.string(), "version of the model: a hash of its content")
_TASK = Column("task", pa.string(), "binary, negative_up_to_3, three or five")
_REVIEWS = Column("reviews", _COUNT, "reviews with a prediction")

_table = partial(Table, group="sentiment", domain="sentiment", published=True)

SENTIMENT_EXAMPLES = _table(
    "gold/sentiment_examples",
    "One row per rated review that trains or evaluates the sentiment model.",
    (
        _REVIEW_ID,
        _REVIEWER_ID,
        Column("summary", pa.string(), "headline of the review", "text"),
        Column("review_text", pa.string(), "text of the review", "text"),
        Column("overall", STARS, "stars from 1 to 5"),
        _REVIEWED_ON,
        _MAIN_CATEGORY,
        Column(
            "held_out",
            pa.bool_(),
            "the reviewer is held out of training: the review evaluates the model",
        ),
    ),
    inputs=("gold/reviews",),
    pace="daily",
    published=False,
)
SENTIMENT_EVALUATION = _table(
    "gold/sentiment_evaluation",
    "One row per model, task and part of the held-out reviews.",
    (
        Column("model", pa.string(), "project, or the baseline"),
        _TASK,
        Column("part", pa.string(), "all, category, stars, or users: the worst tenth of them"),
        Column("value", pa.string(), "category or stars; empty for all"),
        Column("rows", _COUNT, "evaluated reviews"),
        Column("auc", _REAL, "area under the ROC curve; null where a class does not occur"),
        Column("accuracy", _REAL, "share of right predictions, 0 to 1"),
        Column("macro_f1", _REAL, "F1, mean over the classes"),
        Column("log_loss", _REAL, "mean negative logarithm of the right class's probability"),
        Column("ece", _REAL, "expected calibration error, 0 to 1"),
        _MODEL_VERSION,
        Column(
            "only_generated",
            pa.bool_(),
            "the model learned from generated reviews of a sample only; null for baselines",
        ),
    ),
    inputs=("model/sentiment",),
    code_version="3",
)
SENTIMENT_CONFUSION = _table(
    "gold/sentiment_confusion",
    "One row per task, actual and predicted class of the held-out reviews.",
    (
        _TASK,
        Column("actual", pa.string(), "class by the stars"),
        Column("predicted", pa.string(), "the most probable class"),
        _REVIEWS,
    ),
    inputs=("model/sentiment",),
    code_version="2",
)
SENTIMENT_CALIBRATION = _table(
    "gold/sentiment_calibration",
    "One row per band of confidence of the held-out reviews, binary task.",
    (
        Column("confidence", _REAL, "mean probability of the predicted class"),
        Column("accuracy", _REAL, "share of right predictions"),
        _REVIEWS,
    ),
    inputs=("model/sentiment",),
)
SENTIMENT_PREDICTIONS = _table(
    "gold/sentiment_predictions",
    "One row per review in gold.",
    (
        _REVIEW_ID,
        _ASIN,
        Column("product_asin", pa.string(), "asin of the product, as in gold/reviews"),
        _BRAND,
        _MAIN_CATEGORY,
        _OVERALL,
        Column("sentiment", pa.string(), "sentiment of the stars: negative, neutral or positive"),
        _REVIEWED_ON,
        Column("source", pa.string(), "batch or stream"),
        Column("predicted", pa.string(), "sentiment of the text: negative, neutral or positive"),
        Column("positive", _REAL, "probability of 4 or 5 rather than 1 or 2 stars"),
        Column(
            "expected_stars",
            _REAL,
            "mean of the stars, weighted by their probability given the text",
        ),
        Column(
            "cross_fitted",
            pa.bool_(),
            "predicted by the weights of a fold without this reviewer: the final weights learned "
            "from a review of this reviewer",
        ),
        _MODEL_VERSION,
        Column("partition", pa.string(), "landing partition, or segment of the stream"),
    ),
    ("partition",),
    inputs=("gold/reviews", "model/sentiment"),
    partitions="gold_reviews",
    checks=("complete",),
    pace="quarter-hourly",
    details="No prediction is by weights that learned from a review of the same reviewer. "
    "An earlier prediction of the same model for the same review is kept.",
    code_version="2",
)

_PREDICTED = (
    _REVIEWS,
    Column("negative", _COUNT, "reviews whose text is negative"),
    Column("neutral", _COUNT, "reviews whose text is neutral"),
    Column("positive", _COUNT, "reviews whose text is positive"),
    Column("negative_share", _REAL, "share whose text is negative, 0 to 1"),
    Column("mean_positive", _REAL, "mean probability of 4 or 5 rather than 1 or 2 stars"),
    Column("expected_stars", _REAL, "mean of expected_stars"),
    Column("mean_stars", _REAL, "mean of the given stars; null without rated reviews"),
    Column("contradictions", _COUNT, "reviews whose text and stars contradict each other"),
)
SENTIMENT_CATEGORIES = _table(
    "gold/sentiment_categories",
    "One row per main category.",
    (_MAIN_CATEGORY, *_PREDICTED),
    partials=("partials/predicted_products",),
    inputs=("gold/sentiment_predictions",),
)
SENTIMENT_BRANDS = _table(
    "gold/sentiment_brands",
    "One row per brand.",
    (_BRAND, *_PREDICTED),
    partials=("partials/predicted_products",),
    inputs=("gold/sentiment_predictions",),
)
SENTIMENT_PRODUCTS = _table(
    "gold/sentiment_products",
    "One row per product with reviews.",
    (_ASIN, *_PREDICTED),
    partials=("partials/predicted_products",),
    inputs=("gold/sentiment_predictions",),
)
SENTIMENT_YEARS = _table(
    "gold/sentiment_years",
    "One row per year and source of the reviews.",
    (
        Column("year", pa.int32(), "year of the review; null without a day"),
        Column("source", pa.string(), "batch or stream"),
        *_PREDICTED,
    ),
    partials=("partials/predicted_years",),
    inputs=("gold/sentiment_predictions",),
)
SENTIMENT_WORDS = _table(
    "gold/sentiment_words",
    "One row per category, class and word or pair of words, the strongest ones.",
    (
        Column("main_category", pa.string(), "main category, or All categories"),
        Column("label", pa.string(), "class that the words indicate"),
        Column("place", pa.int32(), "rank by the sum of the weights, from 1"),
        Column("words", pa.string(), "a word or a pair of words"),
        Column("weight", _REAL, "log-odds that one occurrence adds"),
        Column("places", _COUNT, "occurrences in the examples"),
    ),
    inputs=("model/sentiment",),
)
