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
_NUMBERS = rf"^({_DAY}) +({_DAY}), *({_YEAR})\z"
_NAMED = (
    rf"^(?:({_MONTH})\.? +({_DAY})(?:, *| +)({_YEAR})"
    rf"|({_DAY}) +({_MONTH})\.?,? +({_YEAR}))\z"
)
_ISO = (
    rf"^{_YEAR}-{_DAY}-{_DAY}"
    r"([T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])?)?\z"
)


def written_day(text: Column) -> Column:
    """Return the day that a text names, in UTC; null for other texts and impossible days.

    Known forms are "09 1, 2016" (month and day, as the source writes it), "September 1, 2016",
    "1 Sep 2016", and ISO 8601 with or without a time. A month is its English name or the first
    three letters of it (also "Sept"), with or without a period.
    """
    bare = trimmed(text)
    numbers = F.when(bare.rlike(_NUMBERS), F.regexp_replace(bare, _NUMBERS, "$3-$1-$2"))
    iso = F.when(bare.rlike(_ISO), bare).try_cast("timestamp").cast("date")
    return F.coalesce(numbers.try_cast("date"), _named_day(bare), iso)


def _named_day(text: Column) -> Column:
    named = F.when(text.rlike(_NAMED), text)
    # Of both orders one matches, and the groups of the other are empty.
    month, day, year = (
        F.concat(F.regexp_extract(named, _NAMED, first), F.regexp_extract(named, _NAMED, second))
        for first, second in ((1, 5), (2, 4), (3, 6))
    )
    place = F.position(F.lower(F.substring(month, 1, 3)), F.lit(_NAMES))
    number = F.floor((place + 2) / 3).cast("string")
    return F.concat(year, F.lit("-"), number, F.lit("-"), day).try_cast("date")
