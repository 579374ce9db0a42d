"""Lists that arrive as JSON text."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.transforms.strict_json import OPTIONS


def string_array(text: Column) -> Column:
    """The strings of a JSON array; null for any other text."""
    return F.when(text.startswith("["), F.from_json(text, "array<string>", OPTIONS))


def string_list(text: Column) -> Column:
    """The strings of a JSON array; any other text is a list of one; never null.

    Entries are as they were, so some may be empty or null.
    """
    holds_some = (text != "") & (text != "[]")
    parsed = string_array(text)
    return F.coalesce(F.when(holds_some, parsed), F.when(holds_some, F.array(text)), no_strings())


def present(texts: Column) -> Column:
    """The texts of an array that are neither empty nor null."""
    return F.filter(texts, lambda text: text != "")


def first_string(text: Column) -> Column:
    """The first string of a JSON array, or the text itself if it is none."""
    return F.when(text.startswith("["), F.get_json_object(text, "$[0]")).otherwise(text)


def no_strings() -> Column:
    """An empty array of strings."""
    return F.array().cast("array<string>")
