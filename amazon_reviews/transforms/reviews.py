"""Reviews: from parsed lines to typed, cleaned rows, and on to gold."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.profiles.profile import REVIEW_FIELDS, Profile, identity_profile
from amazon_reviews.transforms.canonical import canonical_record, seconds_since_1970, written
from amazon_reviews.transforms.control_characters import map_without_control, without_control
from amazon_reviews.transforms.html import clean_text
from amazon_reviews.transforms.json_text import string_array
from amazon_reviews.transforms.lines import fingerprint
from amazon_reviews.transforms.rejection import REJECTION_COLUMNS, judged
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
PRODUCT_FACTS = (
    "title",
    "brand",
    "main_category",
    "categories",
    "price",
    "price_min",
    "price_max",
    "price_imputed",
)
"""The columns of gold/products that gold/reviews takes over."""

_LABELS = ("parent_asin", "language", "marketplace")
SENDER_FIELDS = ("internal_partition", "partition_number")
"""Fields that the sender of events adds for its own use; only bronze keeps them."""

NATIVE = identity_profile("amazon_2018", "reviews", FIELDS)
"""The profile of events, and of lines that were read before there were profiles."""

_STARS = "decimal(2,1)"


def type_reviews(parsed: DataFrame, profile: Profile = NATIVE) -> DataFrame:
    """Add types, `review_id` and the `REJECTION_COLUMNS` to each record.

    `parsed` is the result of `parse_lines` or `parse_records` for the profile's source fields.
    Grain: one row per line.
    """
    canonical = canonical_record(F.col("record"), profile.fields, REVIEW_FIELDS)
    record = F.col("record")
    rows = parsed.withColumn("record", canonical)
    typed = rows.select("*", *_typed(record, profile))
    rules = review_rules(record, F.col("raw"), profile.source_name)
    return judged(typed, rules).select(
        *REJECTION_COLUMNS,
        _review_id(record).alias("review_id"),
        *(record[field].alias(field) for field in TEXTS),
        *(_text(record[field]).alias(field) for field in _LABELS),
        "stars",
        "verified",
        "vote",
        "helpful_total",
        "vine",
        "variant",
        F.size("images").alias("images"),
        "seconds",
        "written_at",
        F.lit(profile.name).alias("profile"),
        _with_unread_day(record, profile.source_name("reviewTime")).alias("rescued"),
        "missing",
        "file",
        "line",
        "partition",
    )


def _typed(record: Column, profile: Profile) -> list[Column]:
    return [
        F.round(number(record["overall"]), 1).alias("stars"),
        flag(record["verified"]).alias("verified"),
        _count(record["vote"]).alias("vote"),
        _count(record["helpful_total"]).alias("helpful_total"),
        flag(record["vine"]).alias("vine"),
        _style(record["style"]).alias("variant"),
        string_array(record["image"]).alias("images"),
        seconds_since_1970(record, profile, "unixReviewTime").alias("seconds"),
        written(record, profile, "reviewTime").alias("written_at"),
    ]


def _text(text: Column) -> Column:
    """Return a text without spaces around and control characters; null for a blank one."""
    clean = without_control(F.trim(text))
    return F.when(clean != "", clean)


def _count(text: Column) -> Column:
    """Return the whole number of "1,341", "3" or "2.0"; null for other texts."""
    count = number(F.replace(text, F.lit(","), F.lit("")))
    return F.when(count == F.floor(count), count.try_cast("int"))


def _style(text: Column) -> Column:
    """Return a map without the colon at the end of keys and the space before values."""
    return text_map(F.regexp_replace(text, rf':"{BLANKS}*:(?:{BLANKS}*("){BLANKS}*)?', '":$1'))


def _with_unread_day(record: Column, name: str) -> Column:
    """Return the rescued fields, with an unreadable reviewTime beside a unixReviewTime."""
    unread = ~is_blank(record["reviewTime"]) & F.col("written_at").isNull()
    day = F.create_map(F.lit(name), record["reviewTime"])
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
        "parent_asin",
        F.when(F.col("stars") > 0, F.col("stars").try_cast(_STARS)).alias("overall"),
        (F.col("stars") == 0).alias("unrated"),
        F.when(F.col("stars") > 0, sentiment_of(F.col("stars"))).alias("sentiment"),
        "review_text",
        F.col("headline").alias("summary"),
        clean_text(F.col("reviewerName")).alias("reviewer_name"),
        "verified",
        "vote",
        "helpful_total",
        F.when(F.size("variant") > 0, map_without_control(F.col("variant"))).alias("style"),
        F.when(F.col("images") > 0, F.col("images")).otherwise(0).alias("image_count"),
        _reviewed_on(F.col("seconds"), F.col("written_at")).alias("reviewed_on"),
        _reviewed_at(F.col("seconds"), F.col("written_at")).alias("reviewed_at"),
        "language",
        "marketplace",
        "vine",
        _words(F.col("review_text")).alias("word_count"),
        F.coalesce(F.length("review_text"), F.lit(0)).alias("char_count"),
        "profile",
        map_without_control(F.col("rescued")).alias("rescued"),
        "missing",
        "file",
        "line",
        "partition",
        *REJECTION_COLUMNS,
    )


def _reviewed_on(seconds: Column, written: Column) -> Column:
    """Return the day in UTC of unixReviewTime, else of reviewTime."""
    day = F.date_from_unix_date(F.floor(seconds / 86_400).try_cast("int"))
    return F.coalesce(day, F.when(seconds.isNull(), written).cast("date"))


def _reviewed_at(seconds: Column, written: Column) -> Column:
    """Return the time in UTC of unixReviewTime, else of reviewTime."""
    time = F.timestamp_micros(F.round(seconds * 1_000_000).try_cast("bigint"))
    return F.coalesce(time, F.when(seconds.isNull(), written))


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


def gold_reviews(silver: DataFrame, products: DataFrame, *, has_families: bool = True) -> DataFrame:
    """Join reviews with their products, in the columns of gold/reviews.

    `silver` has one row per review_id with its `source`, `products` one per asin, so that no
    review is multiplied. Without `has_families` every parent_asin is null, which saves a join.
    Grain: one row per review_id.
    """
    facts = products.select(F.col("asin").alias("product_asin"), *PRODUCT_FACTS)
    keyed = silver.withColumn("product_asin", F.col("asin"))
    if has_families:
        # The family where the catalogue knows it: some catalogues have one row per family.
        families = products.select(F.col("asin").alias("parent_asin"), F.lit(True).alias("known"))
        product = F.when(F.col("known"), F.col("parent_asin")).otherwise(F.col("asin"))
        keyed = silver.join(families, on="parent_asin", how="left").withColumn(
            "product_asin", product
        )
    return keyed.join(facts, on="product_asin", how="left").select(
        "review_id",
        "reviewer_id",
        "asin",
        "parent_asin",
        "overall",
        "unrated",
        "sentiment",
        "review_text",
        normalize(F.col("review_text")).alias("review_text_normalized"),
        "summary",
        "reviewer_name",
        "verified",
        "vote",
        "helpful_total",
        "style",
        "image_count",
        "reviewed_on",
        "reviewed_at",
        "language",
        "marketplace",
        "vine",
        F.year("reviewed_on").alias("year"),
        F.month("reviewed_on").alias("month"),
        "word_count",
        "char_count",
        "source",
        "partition",
        "profile",
        "rescued",
        "product_asin",
        *PRODUCT_FACTS,
    )
