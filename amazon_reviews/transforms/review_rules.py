"""Rules that reject reviews: missing fields, wrong types, values and dates out of range."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.transforms.lines import structured
from amazon_reviews.transforms.rejection import Rule

TEXTS = ("reviewerID", "asin", "reviewText", "summary", "reviewerName")
"""Source fields that must be texts."""

# The shop opened in 1995. A date after this century is a fault of the sender, for instance
# milliseconds instead of seconds.
_FIRST_DAY, _LAST_DAY = "1995-01-01", "2099-12-31"
_FIRST_SECOND = 788_918_400  # 1995-01-01
_END_SECOND = 4_102_444_800  # 2100-01-01


def review_rules(record: Column, raw: Column) -> list[Rule]:
    """Return the rules in the order in which the first broken one gives the reason.

    They use the typed columns stars, verified, vote, variant, images, seconds and written_on.
    """
    return [
        *_missing_field_rules(record),
        *_wrong_type_rules(record, raw),
        *_value_range_rules(record),
        *reject_early_and_far_future_dates(record),
    ]


def reject_early_and_far_future_dates(record: Column) -> list[Rule]:
    """Return the rules for dates before 1995 or after 2099; the day counts without seconds."""
    seconds, day = F.col("seconds"), F.col("written_on")
    first, last = (F.lit(text).cast("date") for text in (_FIRST_DAY, _LAST_DAY))
    return [
        Rule(
            "out_of_range",
            "unixReviewTime",
            ~seconds.between(_FIRST_SECOND, _END_SECOND - 1) | F.isnan(seconds),
            record["unixReviewTime"],
        ),
        Rule(
            "out_of_range",
            "reviewTime",
            is_blank(record["unixReviewTime"]) & ~day.between(first, last),
            record["reviewTime"],
        ),
    ]


def is_blank(text: Column) -> Column:
    """Return True for null, and for a text of spaces."""
    return F.coalesce(F.trim(text), F.lit("")) == ""


def _missing_field_rules(record: Column) -> list[Rule]:
    required = ("reviewerID", "asin", "overall")
    without_text = record["reviewText"].isNull() & record["summary"].isNull()
    return [
        *(Rule("missing_field", name, is_blank(record[name]), record[name]) for name in required),
        Rule("missing_field", "reviewText and summary", without_text, F.lit(None).cast("string")),
    ]


def _wrong_type_rules(record: Column, raw: Column) -> list[Rule]:
    stars = F.col("stars")
    # The day matters only where there are no seconds; else an unreadable one is rescued.
    only_day = is_blank(record["unixReviewTime"])
    typed = {
        "verified": "verified",
        "vote": "vote",
        "style": "variant",
        "image": "images",
        "unixReviewTime": "seconds",
    }
    return [
        Rule("wrong_type", "overall", stars.isNull() | F.isnan(stars), record["overall"]),
        Rule("wrong_type", ", ".join(TEXTS), _holds_structure(record, raw), raw),
        *(
            Rule("wrong_type", name, _is_unreadable(record[name], F.col(column)), record[name])
            for name, column in typed.items()
        ),
        Rule(
            "wrong_type",
            "reviewTime",
            _is_unreadable(record["reviewTime"], F.col("written_on")) & only_day,
            record["reviewTime"],
        ),
    ]


def _value_range_rules(record: Column) -> list[Rule]:
    stars = F.col("stars")
    # Zero stars mean that the review is not rated.
    in_range = (stars == 0) | stars.between(1, 5)
    return [
        Rule("out_of_range", "overall", ~in_range, record["overall"]),
        Rule("out_of_range", "vote", F.col("vote") < 0, record["vote"]),
    ]


def _is_unreadable(text: Column, typed: Column) -> Column:
    return ~is_blank(text) & typed.isNull()


def _holds_structure(record: Column, raw: Column) -> Column:
    suspected = F.lit(False)
    for field in TEXTS:
        text = record[field]
        suspected = suspected | text.startswith("{") | text.startswith("[")
    return F.when(suspected, structured(raw, TEXTS)).otherwise(False)
