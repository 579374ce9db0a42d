"""Reviews: from parsed lines to typed, cleaned rows, and on to gold."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.dates import written_day
from amazon_reviews.transforms.html import clean_text
from amazon_reviews.transforms.json_text import string_array
from amazon_reviews.transforms.lines import (
    REFUSAL,
    Rule,
    any_broken,
    fingerprint,
    refusal,
    structured,
)
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
"""What the sender of events adds for itself; bronze keeps it, no table below does."""

_TEXTS = ("reviewerID", "asin", "reviewText", "summary", "reviewerName")
_FIRST_SECOND = 788_918_400  # 1995-01-01, the year the shop opened
_LAST_SECOND = 4_102_444_800  # 2100-01-01
_FIRST_DAY, _LAST_DAY = "1995-01-01", "2099-12-31"
_STARS = "decimal(2,1)"


def type_reviews(parsed: DataFrame) -> DataFrame:
    """Give each record its types, its `review_id`, and `REFUSAL` if it is refused.

    `parsed` is what `parse_lines` gives for `FIELDS`. Grain: one row per line.
    """
    record = F.col("record")
    typed = parsed.select("*", *_typed(record))
    rules = _rules(record, F.col("raw"))
    judged = typed.select("*", any_broken(rules).alias("refused"))
    return judged.select(
        *refusal(rules, F.col("refused")),
        _identity(record),
        *(record[field].alias(field) for field in _TEXTS),
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
    """A whole number out of "1,341", "3" or "2.0"; null otherwise."""
    count = number(F.replace(text, F.lit(","), F.lit("")))
    return F.when(count == F.floor(count), count.try_cast("int"))


def _style(text: Column) -> Column:
    """A map without the colon that ends the keys and the space that begins the values."""
    return text_map(F.regexp_replace(text, rf':"{BLANKS}*:(?:{BLANKS}*("){BLANKS}*)?', '":$1'))


def _with_unread_day(record: Column) -> Column:
    """What is rescued, with a reviewTime that cannot be read; unixReviewTime gives the day."""
    unread = ~_blank(record["reviewTime"]) & F.col("written_on").isNull()
    found = F.create_map(F.lit("reviewTime"), record["reviewTime"])
    rescued = F.when(F.col("rescued").isNull(), found).otherwise(F.map_concat("rescued", found))
    return F.when(unread, rescued).otherwise(F.col("rescued"))


def _identity(record: Column) -> Column:
    stars = F.col("stars").try_cast(_STARS).cast("string")
    return fingerprint(
        [record["reviewerID"], record["asin"], stars, record["reviewText"], record["summary"]]
    ).alias("review_id")


def _rules(record: Column, raw: Column) -> list[Rule]:
    stars, seconds, vote = F.col("stars"), F.col("seconds"), F.col("vote")
    only_day = _blank(record["unixReviewTime"])
    absent = record["reviewText"].isNull() & record["summary"].isNull()
    in_range = (stars == 0) | stars.between(1, 5)
    return [
        Rule("missing_field", "reviewerID", _blank(record["reviewerID"]), record["reviewerID"]),
        Rule("missing_field", "asin", _blank(record["asin"]), record["asin"]),
        Rule("missing_field", "overall", _blank(record["overall"]), record["overall"]),
        Rule("missing_field", "reviewText and summary", absent, F.lit(None).cast("string")),
        Rule("wrong_type", "overall", stars.isNull() | F.isnan(stars), record["overall"]),
        Rule("wrong_type", ", ".join(_TEXTS), _holds_structure(record, raw), raw),
        _unreadable("verified", record, F.col("verified")),
        _unreadable("vote", record, vote),
        _unreadable("style", record, F.col("variant")),
        _unreadable("image", record, F.col("images")),
        _unreadable("unixReviewTime", record, seconds),
        _unreadable("reviewTime", record, F.col("written_on"), only_day),
        Rule("out_of_range", "overall", ~in_range, record["overall"]),
        Rule("out_of_range", "vote", vote < 0, record["vote"]),
        Rule(
            "out_of_range",
            "unixReviewTime",
            ~seconds.between(_FIRST_SECOND, _LAST_SECOND - 1) | F.isnan(seconds),
            record["unixReviewTime"],
        ),
        Rule(
            "out_of_range",
            "reviewTime",
            only_day & ~F.col("written_on").between(*map(_date, (_FIRST_DAY, _LAST_DAY))),
            record["reviewTime"],
        ),
    ]


def _date(text: str) -> Column:
    return F.lit(text).cast("date")


def _blank(text: Column) -> Column:
    return F.coalesce(F.trim(text), F.lit("")) == ""


def _unreadable(field: str, record: Column, typed: Column, when: Column | None = None) -> Rule:
    broken = ~_blank(record[field]) & typed.isNull()
    broken = broken if when is None else broken & when
    return Rule("wrong_type", field, broken, record[field])


def _holds_structure(record: Column, raw: Column) -> Column:
    suspected = F.lit(False)
    for field in _TEXTS:
        text = record[field]
        suspected = suspected | text.startswith("{") | text.startswith("[")
    return F.when(suspected, structured(raw, _TEXTS)).otherwise(False)


def clean_reviews(typed: DataFrame) -> DataFrame:
    """Rows of `type_reviews` in the columns of silver/reviews and `REFUSAL`, row by row.

    A missing text is filled from the summary, as source system 1 does.
    """
    texts = typed.select(
        "*",
        clean_text(F.col("reviewText")).alias("own_text"),
        clean_text(F.col("summary")).alias("headline"),
    )
    text = F.when(F.col("own_text") != "", F.col("own_text")).otherwise(F.col("headline"))
    return texts.select("*", text.alias("review_text")).select(
        "review_id",
        F.trim("reviewerID").alias("reviewer_id"),
        F.trim("asin").alias("asin"),
        F.when(F.col("stars") > 0, F.col("stars").try_cast(_STARS)).alias("overall"),
        (F.col("stars") == 0).alias("unrated"),
        _sentiment(F.col("stars")).alias("sentiment"),
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
        *REFUSAL,
    )


def _sentiment(stars: Column) -> Column:
    return (
        F.when(stars == 0, None).when(stars < 3, "negative").when(stars > 3, "positive")
    ).otherwise("neutral")


def _reviewed_on(seconds: Column, written: Column) -> Column:
    """The day in UTC from unixReviewTime, else from reviewTime."""
    day = F.date_from_unix_date(F.floor(seconds / 86_400).try_cast("int"))
    return F.coalesce(day, F.when(seconds.isNull(), written))


def _words(text: Column) -> Column:
    """Words of a text whose blanks are single spaces, as `clean_text` leaves it."""
    spaces = F.length(text) - F.length(F.replace(text, F.lit(" "), F.lit("")))
    return F.when(F.coalesce(text, F.lit("")) == "", 0).otherwise(spaces + 1)


def normalize(text: Column) -> Column:
    """A text for models and word counts: lower case, letters and single spaces only.

    `text` has single blanks, as `clean_text` leaves it: only runs with something else than
    letters and blanks are replaced, which is three times faster than every run between words.
    URLs go as a whole before punctuation does, so that no pieces of them stay as words;
    apostrophes close up ("don't" -> "dont").
    """
    has_url = text.contains("http") | text.contains("www.")
    without = F.regexp_replace(text, r" ?(?:https?://|www\.)\S+", "")
    no_urls = F.when(has_url, without).otherwise(text)
    closed = F.lower(no_urls)
    for apostrophe in "'\u2019":
        closed = F.replace(closed, F.lit(apostrophe), F.lit(""))
    return F.trim(F.regexp_replace(closed, r" ?[^\p{L} ]+[^\p{L}]*", " "))


def gold_reviews(silver: DataFrame, products: DataFrame) -> DataFrame:
    """Reviews joined with their products, in the columns of gold/reviews.

    `silver` has one row per review_id with its `source`, `products` one per asin, so that no
    review is multiplied.
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
