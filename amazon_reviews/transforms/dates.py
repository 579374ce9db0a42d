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
    return _of_numbers(text, "timestamp").otherwise(
        F.coalesce(_iso_time(text), _other_day(text, order).cast("timestamp"))
    )


def written_day(text: Column, order: str = "year month day") -> Column:
    """Return the day that a text names, in UTC; null for other texts and impossible days.

    Known forms are "09 1, 2016" (month and day, as the source writes it), "September 1, 2016",
    "1 Sep 2016", "1-Sep-16", and ISO 8601 with or without a time. A month is its English name or
    the first three letters of it (also "Sept"), with or without a period. Dates of numbers only,
    such as "1/9/2016", are read in `order`.
    """
    return _of_numbers(text, "date").otherwise(_other_day(text, order))


def _of_numbers(text: Column, kind: str) -> Column:
    """Return the day of "09 1, 2016", which most texts are, as a condition for the others."""
    bare = trimmed(text)
    day = F.regexp_replace(bare, _NUMBERS, "$3-$1-$2").try_cast("date")
    return F.when(bare.rlike(_NUMBERS), day.cast(kind))


def _other_day(text: Column, order: str) -> Column:
    bare = trimmed(text)
    expression, iso = _ORDERS[order]
    separated = F.when(bare.rlike(expression), F.regexp_replace(bare, expression, iso))
    return F.coalesce(_named_day(bare), _iso_time(text).cast("date"), separated.try_cast("date"))


def _iso_time(text: Column) -> Column:
    bare = trimmed(text)
    return F.when(bare.rlike(_ISO), bare).try_cast("timestamp")


def _named_day(text: Column) -> Column:
    named = F.when(text.rlike(_NAMED), text)

    def group(*numbers: int) -> Column:
        # Of the alternatives one matches, and the groups of the others are empty.
        return F.concat(*(F.regexp_extract(named, _NAMED, number) for number in numbers))

    month, day, year = group(1, 5, 6), group(2, 4), group(3, 7)
    place = F.position(F.lower(F.substring(month, 1, 3)), F.lit(_NAMES))
    number = F.floor((place + 2) / 3).cast("string")
    is_short = F.length(year) == 2
    century = F.when(is_short & (year >= str(_FIRST_SHORT_YEAR)), "19").when(is_short, "20")
    full = F.concat(F.coalesce(century, F.lit("")), year)
    return F.concat(full, F.lit("-"), number, F.lit("-"), day).try_cast("date")
