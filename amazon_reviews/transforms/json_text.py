"""Lists that arrive as JSON text."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def string_list(text: Column) -> Column:
    """The strings of a JSON array; any other text is a list of one; never null.

    Blank and null entries are left out.
    """
    parsed = F.when(text.startswith("[") & (text != "[]"), F.from_json(text, "array<string>"))
    single = F.when((text != "") & (text != "[]"), F.array(text))
    entries = F.filter(F.coalesce(parsed, single), lambda entry: F.trim(entry) != "")
    return F.coalesce(entries, no_strings())


def first_string(text: Column) -> Column:
    """The first string of a JSON array, or the text itself if it is none."""
    return F.when(text.startswith("["), F.get_json_object(text, "$[0]")).otherwise(text)


def no_strings() -> Column:
    """An empty array of strings."""
    return F.array().cast("array<string>")
