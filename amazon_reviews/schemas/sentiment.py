"""The tables of the sentiment model: what it learns from, how good it is, what it says."""

import pyarrow as pa

from amazon_reviews.schemas.columns import STARS, Column, Table

_COUNT = pa.int64()
_REAL = pa.float64()

_REVIEW_ID = Column("review_id", pa.string(), "the review")
_REVIEWER_ID = Column("reviewer_id", pa.string(), "who wrote the review")
_OVERALL = Column("overall", STARS, "stars from 1 to 5; null when the review is unrated")
_REVIEWED_ON = Column("reviewed_on", pa.date32(), "day of the review in UTC")
_MAIN_CATEGORY = Column("main_category", pa.string(), "main category of the product")
_BRAND = Column("brand", pa.string(), "brand of the product")
_ASIN = Column("asin", pa.string(), "product the review is about")
_MODEL_VERSION = Column("model_version", pa.string(), "name of what the model answers")
_TASK = Column("task", pa.string(), "binary, label_a, three or five")
_REVIEWS = Column("reviews", _COUNT, "reviews that the model judged")

SENTIMENT_EXAMPLES = Table(
    "gold/sentiment_examples",
    "One row per rated review that the sentiment model learns from or is measured on.",
    (
        _REVIEW_ID,
        _REVIEWER_ID,
        Column("summary", pa.string(), "headline of the review"),
        Column("review_text", pa.string(), "text of the review"),
        Column("overall", STARS, "stars from 1 to 5"),
        _REVIEWED_ON,
        _MAIN_CATEGORY,
        Column("held_out", pa.bool_(), "the reviewer is held out: the model is measured on it"),
    ),
)
SENTIMENT_EVALUATION = Table(
    "gold/sentiment_evaluation",
    "One row per model, task and part of the held-out reviews.",
    (
        Column("model", pa.string(), "project, or what it is compared with"),
        _TASK,
        Column("part", pa.string(), "all, category, stars, or users: the worst tenth of them"),
        Column("value", pa.string(), "which category or stars; empty for all"),
        Column("rows", _COUNT, "reviews it was measured on"),
        Column("auc", _REAL, "area under the ROC curve; null where a class does not occur"),
        Column("accuracy", _REAL, "part that was told right, 0 to 1"),
        Column("macro_f1", _REAL, "F1, mean over the classes"),
        Column("log_loss", _REAL, "mean negative logarithm of the right class's probability"),
        Column("ece", _REAL, "expected calibration error, 0 to 1"),
        _MODEL_VERSION,
    ),
)
SENTIMENT_CONFUSION = Table(
    "gold/sentiment_confusion",
    "One row per task, actual and predicted class of the held-out reviews.",
    (
        _TASK,
        Column("actual", pa.string(), "class by the stars"),
        Column("predicted", pa.string(), "the most probable class"),
        _REVIEWS,
    ),
)
SENTIMENT_CALIBRATION = Table(
    "gold/sentiment_calibration",
    "One row per band of confidence of the held-out reviews, binary task.",
    (
        Column("confidence", _REAL, "mean probability of the predicted class"),
        Column("accuracy", _REAL, "part that was told right"),
        _REVIEWS,
    ),
)
SENTIMENT_PREDICTIONS = Table(
    "gold/sentiment_predictions",
    "One row per review in gold.",
    (
        _REVIEW_ID,
        _ASIN,
        _BRAND,
        _MAIN_CATEGORY,
        _OVERALL,
        Column("sentiment", pa.string(), "what the stars say: negative, neutral or positive"),
        _REVIEWED_ON,
        Column("source", pa.string(), "batch or stream"),
        Column("predicted", pa.string(), "what the text says: negative, neutral or positive"),
        Column("positive", _REAL, "probability of 4 or 5 rather than 1 or 2 stars"),
        Column("expected_stars", _REAL, "mean of the stars that the text makes probable"),
        _MODEL_VERSION,
        Column("partition", pa.string(), "landing partition, or segment of the stream"),
    ),
    ("partition",),
)

_PREDICTED = (
    _REVIEWS,
    Column("negative", _COUNT, "reviews whose text is negative"),
    Column("neutral", _COUNT, "reviews whose text is neutral"),
    Column("positive", _COUNT, "reviews whose text is positive"),
    Column("negative_share", _REAL, "part whose text is negative, 0 to 1"),
    Column("mean_positive", _REAL, "mean probability of 4 or 5 rather than 1 or 2 stars"),
    Column("expected_stars", _REAL, "mean of the stars that the texts make probable"),
    Column("mean_stars", _REAL, "mean of the stars given; null where none is rated"),
    Column("contradictions", _COUNT, "reviews whose text and stars say the opposite"),
)
SENTIMENT_CATEGORIES = Table(
    "gold/sentiment_categories", "One row per main category.", (_MAIN_CATEGORY, *_PREDICTED)
)
SENTIMENT_BRANDS = Table("gold/sentiment_brands", "One row per brand.", (_BRAND, *_PREDICTED))
SENTIMENT_PRODUCTS = Table(
    "gold/sentiment_products", "One row per product with reviews.", (_ASIN, *_PREDICTED)
)
SENTIMENT_YEARS = Table(
    "gold/sentiment_years",
    "One row per year and source of the reviews.",
    (
        Column("year", pa.int32(), "year of the review; null without a day"),
        Column("source", pa.string(), "batch or stream"),
        *_PREDICTED,
    ),
)
SENTIMENT_WORDS = Table(
    "gold/sentiment_words",
    "One row per category, class and word or pair of words: the strongest.",
    (
        Column("main_category", pa.string(), "main category, or All categories"),
        Column("label", pa.string(), "the class that the words speak for"),
        Column("place", pa.int32(), "place by what the words add up to, from 1"),
        Column("words", pa.string(), "a word or a pair of words"),
        Column("weight", _REAL, "log-odds that the words add where they stand"),
        Column("places", _COUNT, "how often they stand in the examples that were looked at"),
    ),
)
