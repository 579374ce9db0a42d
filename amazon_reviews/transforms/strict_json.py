r"""JSON that both engines read the same way, and the scalars in it.

The parsers of Rust and Java differ in what they accept: text after the end, halves of surrogate
pairs. They also differ in how they write numbers back as text. So a line is put into brackets,
which rejects any text after it, and a number that would change is kept as it was written.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

OPTIONS = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
BLANKS = r"[ \t\r\n]"
_LONG_BYTES = 32 * 1024

_INTEGER = "-?(?:0|[1-9][0-9]*)"
_ODD = (
    rf"{_INTEGER}(?:\.[0-9]+)?[eE][+-]?[0-9]+|-?[1-9][0-9]{{7,}}\.[0-9]+|-?[1-9][0-9]{{18,}}"
    r"|-?0\.000[0-9]*|-0(?:\.[0-9]+)?"
)
# The characters of a string are not matched one by one: Java's stack would grow with each.
STRING = r'[^"\\]*(?:\\.[^"\\]*)*'
# Java does not backtrack into a possessive group, so its stack does not grow. Rust reads `*+` as
# a repetition of a repetition, which matches the same. A string that is never closed matches to
# the end of the text; otherwise the search would begin again at each of its quotes.
_WHOLE_STRING = r'"[^"\\]*(?:(?s:\\.)[^"\\]*)*+(?:"|\\?\z)'
_TOKENS = rf"({_WHOLE_STRING})|({_ODD})|(-?[0-9.]+)"
_BEGIN, _END = "\x01", "\x02"
_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = rf"{_PAIR}|\\u00[01][0-9A-F]"
SUSPECT = (
    r"\\u[dD][89a-fA-F]"
    r"|[:\[,]\s*(?:-?(?:[0-9.]+[eE]|[0-9]{8,}\.[0-9]|[0-9]{19}|0\.000)|-0)"
)
"""A regular expression for all that `readable` changes or rejects, with some false positives."""

_NUMBER = (
    rf"^{BLANKS}*[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    rf"|(?i-u:nan|inf(?:inity)?)){BLANKS}*\z"
)
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


def is_long(raw: Column) -> Column:
    """Return True if a text is too long to be searched with `STRING` on every engine."""
    return F.octet_length(raw) > _LONG_BYTES


def readable(raw: Column) -> Column:
    """Return the text with unusual numbers in quotes; null with half of a surrogate pair."""
    marked = F.regexp_replace(raw, _TOKENS, f"$1{_BEGIN}$2{_END}$3")
    bare = F.replace(marked, F.lit(_BEGIN + _END), F.lit(""))
    quoted = F.translate(bare, _BEGIN + _END, '""')
    halves = F.regexp_replace(raw, rf"\\\\|{_PAIR}", "").rlike(r"\\u[dD][89a-fA-F]")
    allowed = ~halves & ~raw.contains(_BEGIN) & ~raw.contains(_END)
    return F.when(allowed, quoted)


def trimmed(text: Column) -> Column:
    """Return the text without the white space of JSON around it."""
    return F.btrim(text, F.lit(" \t\r\n"))


def values_of(text: Column, schema: str) -> Column:
    """Return the comma-separated JSON values in a text; null for no JSON."""
    return F.from_json(F.concat(F.lit("["), text, F.lit("]")), f"array<{schema}>", OPTIONS)


def text_map(text: Column) -> Column:
    """Return a JSON object as a map of texts; a repeated key has its last value."""
    parsed = F.from_json(text, "map<string,string>", OPTIONS)
    return F.map_from_entries(F.map_entries(parsed))


def plain(text: Column) -> Column:
    """Decode surrogate-pair escapes in JSON text of an engine; lower-case other escapes.

    Java's parser escapes characters beyond the first plane of Unicode, in upper case.
    """
    escapes = F.array_distinct(F.regexp_extract_all(text, F.lit(_ESCAPE), F.lit(0)))
    return F.aggregate(escapes, text, lambda done, escape: F.replace(done, escape, _plain(escape)))


def _plain(escape: Column) -> Column:
    units = F.replace(escape, F.lit("\\u"), F.lit(""))
    pair = F.decode(F.unhex(units), "UTF-16BE")
    return F.when(F.length(escape) > 6, pair).otherwise(F.lower(escape))


def number(text: Column) -> Column:
    """Return a decimal number as a double, also NaN and infinity; null for other texts."""
    return F.when(text.rlike(_NUMBER), text).try_cast("double")


def flag(text: Column) -> Column:
    """Return a boolean in any notation that Spark reads; null for other texts."""
    word = F.lower(trimmed(text))
    return F.when(word.isin(*_TRUE), True).when(word.isin(*_FALSE), False)
