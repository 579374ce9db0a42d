"""Days as people and programs write them, read the same on every engine.

The parsers of the engines differ in the names and abbreviations of months that they take.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.transforms.strict_json import trimmed

_NAMES = "janfebmaraprmayjunjulaugsepoctnovdec"
_MONTH = (
    "(?i-u:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY, _YEAR = "[0-9]{1,2}", "[12][0-9]{3}"
_SHORT_YEAR = "[0-9]{2}"
_NUMBERS = rf"^({_DAY}) +({_DAY}), *({_YEAR})\z"
_NAMED = (
    rf"^(?:({_MONTH})\.? +({_DAY})(?:, *| +)({_YEAR})"
    rf"|({_DAY})(?: +({_MONTH})\.?,? +|-({_MONTH})-)({_YEAR}|{_SHORT_YEAR}))\z"
)
_ISO = (
    rf"^{_YEAR}-{_DAY}-{_DAY}"
    r"([T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])?)?\z"
)
# By the order of day, month and year: the expression, and the three in the order of ISO 8601.
_ORDERS = {
    "year month day": (rf"^({_YEAR})[/.-]({_DAY})[/.-]({_DAY})\z", "$1-$2-$3"),
    "month day year": (rf"^({_DAY})[/.-]({_DAY})[/.-]({_YEAR})\z", "$3-$1-$2"),
    "day month year": (rf"^({_DAY})[/.-]({_DAY})[/.-]({_YEAR})\z", "$3-$2-$1"),
}
# POSIX reads years of two digits so.
_FIRST_SHORT_YEAR = 69


def written_time(text: Column, order: str = "year month day") -> Column:
    """Return the time that a text names, in UTC; null for other texts and impossible days.

    A text with a time of day is ISO 8601. For others, see `written_day`, the time is 0:00.
    """
    return _written(text, order, "timestamp")


def written_day(text: Column, order: str = "year month day") -> Column:
    """Return the day that a text names, in UTC; null for other texts and impossible days.

    Known forms are "09 1, 2016" (month and day, as the source writes it), "September 1, 2016",
    "1 Sep 2016", "1-Sep-16", and ISO 8601 with or without a time. A month is its English name or
    the first three letters of it (also "Sept"), with or without a period. Dates of numbers only,
    such as "1/9/2016", are read in `order`.
    """
    return _written(text, order, "date")


def _written(text: Column, order: str, kind: str) -> Column:
    # One condition for each form, the most frequent one first: an engine evaluates the value of
    # a form for its own rows only, and each expression once.
    bare = trimmed(text)
    separated, iso = _ORDERS[order]
    return (
        F.when(bare.rlike(_NUMBERS), _day(bare, _NUMBERS, "$3-$1-$2").cast(kind))
        .when(bare.rlike(_ISO), bare.try_cast("timestamp").cast(kind))
        .when(bare.rlike(_NAMED), _named_day(bare).cast(kind))
        .when(bare.rlike(separated), _day(bare, separated, iso).cast(kind))
    )


def _day(text: Column, expression: str, iso: str) -> Column:
    return F.regexp_replace(text, expression, iso).try_cast("date")


def _named_day(text: Column) -> Column:
    # Of the alternatives one matches, and the groups of the others are empty.
    named = F.regexp_replace(text, _NAMED, "$1$5$6 $2$4 $3$7")
    place = F.position(F.lower(F.substring(named, 1, 3)), F.lit(_NAMES))
    month = F.floor((place + 2) / 3).cast("string")
    day, year = F.substring_index(named, " ", -2), F.substring_index(named, " ", -1)
    is_short = F.length(year) == 2
    century = F.when(is_short & (year >= str(_FIRST_SHORT_YEAR)), "19").when(is_short, "20")
    full = F.concat(F.coalesce(century, F.lit("")), year)
    iso = F.concat(full, F.lit("-"), month, F.lit("-"), F.substring_index(day, " ", 1))
    return iso.try_cast("date")
