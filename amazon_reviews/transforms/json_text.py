"""Lists of strings in JSON text."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.transforms.strict_json import OPTIONS


def string_array(text: Column) -> Column:
    """Return the strings of a JSON array; null for any other text."""
    return F.when(text.startswith("["), F.from_json(text, "array<string>", OPTIONS))


def string_list(text: Column) -> Column:
    """Return the strings of a JSON array, or any other text as a list of one; never null.

    Entries are unchanged, so some may be empty or null.
    """
    holds_some = (text != "") & (text != "[]")
    parsed = string_array(text)
    return F.coalesce(F.when(holds_some, parsed), F.when(holds_some, F.array(text)), no_strings())


def present(texts: Column) -> Column:
    """Return the texts of an array that are neither empty nor null."""
    return F.filter(texts, lambda text: text != "")


def first_string(text: Column) -> Column:
    """Return the first string of a JSON array, or any other text itself."""
    return F.when(text.startswith("["), F.get_json_object(text, "$[0]")).otherwise(text)


def no_strings() -> Column:
    """Return an empty array of strings."""
    return F.array().cast("array<string>")
