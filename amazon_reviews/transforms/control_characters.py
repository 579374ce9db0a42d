r"""Control characters in text columns: silver has none, and rejects an id that has one.

They are the characters of Unicode's category Cc, which command terminals and break lines, and the
formatting characters that turn the direction of the text after them: U+202A to U+202E and U+2066
to U+2069.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

CONTROL = "\\p{Cc}\u202a-\u202e\u2066-\u2069"
"""The inner part of a character class, for the regular expressions of both engines."""


def holds_control(text: Column) -> Column:
    """Return True if a text holds a control character; null for null."""
    return text.rlike(f"[{CONTROL}]")


def without_control(text: Column) -> Column:
    """Return a text with one space for each run of control characters, and none at its ends."""
    clean = F.trim(F.regexp_replace(text, f" ?[{CONTROL}][ {CONTROL}]*", " "))
    return F.when(holds_control(text), clean).otherwise(text)


def array_without_control(texts: Column) -> Column:
    """Return an array of texts, each as `without_control` returns it."""
    held = holds_control(F.array_join(texts, ""))
    return F.when(held, F.transform(texts, without_control)).otherwise(texts)


def map_without_control(texts: Column) -> Column:
    """Return a map with keys and values as `without_control` returns them.

    Of keys that become equal the last one stays.
    """
    held = holds_control(F.array_join(F.concat(F.map_keys(texts), F.map_values(texts)), ""))
    clean = F.transform(
        F.map_entries(texts),
        lambda pair: F.struct(
            without_control(pair["key"]).alias("key"),
            without_control(pair["value"]).alias("value"),
        ),
    )
    return F.when(held, F.map_from_entries(clean)).otherwise(texts)


def first_control(text: Column) -> Column:
    """Return the first control character of a text, such as `U+001B`, and the text."""
    character = F.regexp_extract(text, f"([{CONTROL}])", 1)
    code = F.hex(F.encode(character, "UTF-16BE"))
    return F.concat(F.lit("U+"), code, F.lit(" in "), text)
