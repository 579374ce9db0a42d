"""Rules that reject reviews: missing fields, wrong types, values and dates out of range."""

from collections.abc import Callable

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.transforms.lines import structured
from amazon_reviews.transforms.rejection import Rule, id_rule

_IDS = ("reviewerID", "asin", "parent_asin")
TEXTS = ("reviewerID", "asin", "reviewText", "summary", "reviewerName")
"""Canonical fields that must be texts."""

# The shop opened in 1995. A date after this century is a fault of the sender, for instance
# milliseconds instead of seconds.
_FIRST_DAY, _LAST_DAY = "1995-01-01", "2099-12-31"
_FIRST_SECOND = 788_918_400  # 1995-01-01
_END_SECOND = 4_102_444_800  # 2100-01-01


Names = Callable[[str], str]


def review_rules(record: Column, raw: Column, name: Names = str) -> list[Rule]:
    """Return the rules in the order in which the first broken one gives the reason.

    They use the typed columns stars, verified, vote, helpful_total, vine, variant, images, seconds
    and written_at. `name` returns the source's name of a canonical field.
    """
    return [
        *_missing_field_rules(record, name),
        *_wrong_type_rules(record, raw, name),
        *_value_range_rules(record, name),
        *reject_early_and_far_future_dates(record, name),
    ]


def reject_early_and_far_future_dates(record: Column, name: Names = str) -> list[Rule]:
    """Return the rules for dates before 1995 or after 2099; the day counts without seconds."""
    seconds, day = F.col("seconds"), F.col("written_at").cast("date")
    first, last = (F.lit(text).cast("date") for text in (_FIRST_DAY, _LAST_DAY))
    return [
        Rule(
            "out_of_range",
            name("unixReviewTime"),
            ~seconds.between(_FIRST_SECOND, _END_SECOND - 1) | F.isnan(seconds),
            record["unixReviewTime"],
        ),
        Rule(
            "out_of_range",
            name("reviewTime"),
            ~day.between(first, last) & is_blank(record["unixReviewTime"]),
            record["reviewTime"],
        ),
    ]


def is_blank(text: Column) -> Column:
    """Return True for null, and for a text of spaces."""
    return ~F.coalesce(_is_filled(text), F.lit(False))


def _is_filled(text: Column) -> Column:
    """Return True for a text with another character than a space, and null for null."""
    return text.rlike("[^ ]")


def _missing_field_rules(record: Column, name: Names) -> list[Rule]:
    required = ("reviewerID", "asin", "overall")
    without_text = record["reviewText"].isNull() & record["summary"].isNull()
    return [
        *(Rule("missing_field", name(f), is_blank(record[f]), record[f]) for f in required),
        Rule(
            "missing_field",
            f"{name('reviewText')} and {name('summary')}",
            without_text,
            F.lit(None).cast("string"),
        ),
    ]


def _wrong_type_rules(record: Column, raw: Column, name: Names) -> list[Rule]:
    stars = F.col("stars")
    # The day matters only where there are no seconds; else an unreadable one is rescued.
    only_day = is_blank(record["unixReviewTime"])
    typed = {
        "verified": "verified",
        "vote": "vote",
        "helpful_total": "helpful_total",
        "vine": "vine",
        "style": "variant",
        "image": "images",
        "unixReviewTime": "seconds",
    }
    return [
        Rule("wrong_type", name("overall"), stars.isNull() | F.isnan(stars), record["overall"]),
        Rule("wrong_type", ", ".join(map(name, TEXTS)), _holds_structure(record, raw, name), raw),
        *(id_rule(name(field), record[field]) for field in _IDS),
        *(
            Rule(
                "wrong_type",
                name(field),
                _is_unreadable(record[field], F.col(column)),
                record[field],
            )
            for field, column in typed.items()
        ),
        Rule(
            "wrong_type",
            name("reviewTime"),
            _is_unreadable(record["reviewTime"], F.col("written_at")) & only_day,
            record["reviewTime"],
        ),
    ]


def _value_range_rules(record: Column, name: Names) -> list[Rule]:
    stars = F.col("stars")
    # Zero stars mean that the review is not rated.
    in_range = (stars == 0) | stars.between(1, 5)
    return [
        Rule("out_of_range", name("overall"), ~in_range, record["overall"]),
        *(
            Rule("out_of_range", name(field), F.col(field) < 0, record[field])
            for field in ("vote", "helpful_total")
        ),
    ]


def _is_unreadable(text: Column, typed: Column) -> Column:
    return typed.isNull() & _is_filled(text)


def _holds_structure(record: Column, raw: Column, name: Names) -> Column:
    suspected = F.lit(False)
    names = [each for field in TEXTS for each in name(field).split(" or ")]
    for field in TEXTS:
        text = record[field]
        suspected = suspected | text.startswith("{") | text.startswith("[")
    return F.when(suspected, structured(raw, names)).otherwise(False)
