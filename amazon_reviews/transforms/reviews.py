"""Reviews: from parsed lines to typed, cleaned rows, and on to gold."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.dates import written_day
from amazon_reviews.transforms.html import clean_text
from amazon_reviews.transforms.json_text import string_array
from amazon_reviews.transforms.lines import fingerprint
from amazon_reviews.transforms.rejection import REJECTION_COLUMNS, any_broken, rejection
from amazon_reviews.transforms.review_rules import TEXTS, is_blank, review_rules
from amazon_reviews.transforms.sentiment_rule import sentiment_of
from amazon_reviews.transforms.strict_json import BLANKS, flag, number, text_map

FIELDS = (
    "reviewerID",
    "asin",
    "overall",
    "reviewText",
    "summary",
    "reviewerName",
    "verified",
    "vote",
    "style",
    "image",
    "unixReviewTime",
    "reviewTime",
)
SENDER_FIELDS = ("internal_partition", "partition_number")
"""Fields that the sender of events adds for its own use; only bronze keeps them."""

_STARS = "decimal(2,1)"


def type_reviews(parsed: DataFrame) -> DataFrame:
    """Add types, `review_id` and the `REJECTION_COLUMNS` to each record.

    `parsed` is the result of `parse_lines` for `FIELDS`. Grain: one row per line.
    """
    record = F.col("record")
    typed = parsed.select("*", *_typed(record))
    rules = review_rules(record, F.col("raw"))
    checked = typed.select("*", any_broken(rules).alias("is_rejected"))
    return checked.select(
        *rejection(rules, F.col("is_rejected")),
        _review_id(record).alias("review_id"),
        *(record[field].alias(field) for field in TEXTS),
        "stars",
        "verified",
        "vote",
        "variant",
        F.size("images").alias("images"),
        "seconds",
        "written_on",
        _with_unread_day(record).alias("rescued"),
        "file",
        "line",
        "partition",
    )


def _typed(record: Column) -> list[Column]:
    return [
        F.round(number(record["overall"]), 1).alias("stars"),
        flag(record["verified"]).alias("verified"),
        _count(record["vote"]).alias("vote"),
        _style(record["style"]).alias("variant"),
        string_array(record["image"]).alias("images"),
        number(record["unixReviewTime"]).alias("seconds"),
        written_day(record["reviewTime"]).alias("written_on"),
    ]


def _count(text: Column) -> Column:
    """Return the whole number of "1,341", "3" or "2.0"; null for other texts."""
    count = number(F.replace(text, F.lit(","), F.lit("")))
    return F.when(count == F.floor(count), count.try_cast("int"))


def _style(text: Column) -> Column:
    """Return a map without the colon at the end of keys and the space before values."""
    return text_map(F.regexp_replace(text, rf':"{BLANKS}*:(?:{BLANKS}*("){BLANKS}*)?', '":$1'))


def _with_unread_day(record: Column) -> Column:
    """Return the rescued fields, with an unreadable reviewTime beside a unixReviewTime."""
    unread = ~is_blank(record["reviewTime"]) & F.col("written_on").isNull()
    day = F.create_map(F.lit("reviewTime"), record["reviewTime"])
    rescued = F.when(F.col("rescued").isNull(), day).otherwise(F.map_concat("rescued", day))
    return F.when(unread, rescued).otherwise(F.col("rescued"))


def _review_id(record: Column) -> Column:
    # From the raw values: a change of the cleaning must not change the identity of a review.
    stars = F.col("stars").try_cast(_STARS).cast("string")
    return fingerprint(
        [record["reviewerID"], record["asin"], stars, record["reviewText"], record["summary"]]
    )


def clean_reviews(typed: DataFrame) -> DataFrame:
    """Return rows of `type_reviews` as silver/reviews with the `REJECTION_COLUMNS`.

    The summary replaces a missing text, as in the Paisa Genious lakehouse. Grain: as given.
    """
    texts = typed.select(
        "*",
        clean_text(F.col("reviewText")).alias("body"),
        clean_text(F.col("summary")).alias("headline"),
    )
    text = F.when(F.col("body") != "", F.col("body")).otherwise(F.col("headline"))
    return texts.select("*", text.alias("review_text")).select(
        "review_id",
        F.trim("reviewerID").alias("reviewer_id"),
        F.trim("asin").alias("asin"),
        F.when(F.col("stars") > 0, F.col("stars").try_cast(_STARS)).alias("overall"),
        (F.col("stars") == 0).alias("unrated"),
        F.when(F.col("stars") > 0, sentiment_of(F.col("stars"))).alias("sentiment"),
        "review_text",
        F.col("headline").alias("summary"),
        clean_text(F.col("reviewerName")).alias("reviewer_name"),
        "verified",
        "vote",
        F.when(F.size("variant") > 0, F.col("variant")).alias("style"),
        F.when(F.col("images") > 0, F.col("images")).otherwise(0).alias("image_count"),
        _reviewed_on(F.col("seconds"), F.col("written_on")).alias("reviewed_on"),
        _words(F.col("review_text")).alias("word_count"),
        F.coalesce(F.length("review_text"), F.lit(0)).alias("char_count"),
        "rescued",
        "file",
        "line",
        "partition",
        *REJECTION_COLUMNS,
    )


def _reviewed_on(seconds: Column, written: Column) -> Column:
    """Return the day in UTC of unixReviewTime, else of reviewTime."""
    day = F.date_from_unix_date(F.floor(seconds / 86_400).try_cast("int"))
    return F.coalesce(day, F.when(seconds.isNull(), written))


def _words(text: Column) -> Column:
    """Count the words of a text with single spaces, as `clean_text` returns it."""
    spaces = F.length(text) - F.length(F.replace(text, F.lit(" "), F.lit("")))
    return F.when(F.coalesce(text, F.lit("")) == "", 0).otherwise(spaces + 1)


def normalize(text: Column) -> Column:
    """Return a text for models and word counts: lower case, letters and single spaces only.

    `text` has single spaces, as `clean_text` returns it. So only runs with other characters than
    letters and spaces are replaced, which is three times faster than every run between words.
    Whole URLs are removed before punctuation, so that no parts of them remain as words.
    Apostrophes are removed without a space ("don't" -> "dont").
    """
    has_url = text.contains("http") | text.contains("www.")
    without = F.regexp_replace(text, r" ?(?:https?://|www\.)\S+", "")
    no_urls = F.when(has_url, without).otherwise(text)
    closed = F.lower(no_urls)
    for apostrophe in "'\u2019":
        closed = F.replace(closed, F.lit(apostrophe), F.lit(""))
    return F.trim(F.regexp_replace(closed, r" ?[^\p{L} ]+[^\p{L}]*", " "))


def gold_reviews(silver: DataFrame, products: DataFrame) -> DataFrame:
    """Join reviews with their products, in the columns of gold/reviews.

    `silver` has one row per review_id with its `source`, `products` one per asin, so that no
    review is multiplied. Grain: one row per review_id.
    """
    facts = products.select(
        "asin",
        "title",
        "brand",
        "main_category",
        "categories",
        "price",
        "price_min",
        "price_max",
        "price_imputed",
    )
    return silver.join(facts, on="asin", how="left").select(
        "review_id",
        "reviewer_id",
        "asin",
        "overall",
        "unrated",
        "sentiment",
        "review_text",
        normalize(F.col("review_text")).alias("review_text_normalized"),
        "summary",
        "reviewer_name",
        "verified",
        "vote",
        "style",
        "image_count",
        "reviewed_on",
        F.year("reviewed_on").alias("year"),
        F.month("reviewed_on").alias("month"),
        "word_count",
        "char_count",
        "source",
        "partition",
        "rescued",
        "title",
        "brand",
        "main_category",
        "categories",
        "price",
        "price_min",
        "price_max",
        "price_imputed",
    )
