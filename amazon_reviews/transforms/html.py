r"""HTML in text columns: tags, entities and white space, for both engines.

All functions map a Column to a Column, and null to null. The patterns use only what the regular
expressions of Rust and Java have in common. `\s` is ASCII on one engine and Unicode on the other,
so white space has an explicit class.
"""

from collections.abc import Callable
from html.entities import html5, name2codepoint

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.transforms.control_characters import CONTROL

WHITE_SPACE = r"[\s\p{Z}\p{Cc}]"
_UNTIDY = rf"[\s\p{{Z}}{CONTROL}]{{2,}}|[\p{{Z}}{CONTROL}&&[^ ]]"

# The elements that occur in the pages. The embedded engine compiles a pattern for every batch of
# rows, and with all elements of HTML it would take several times as long.
_SHORT_NAMES = "[abipqsu]"
_LONG_NAMES = (
    "blockquote|br|button|center|dd|div|dl|dt|em|font|form|h[1-6]|hr|iframe|img|input|ins|label|li"
    "|link|meta|noscript|object|ol|o:p|pre|script|small|span|strike|strong|style|sub|sup|table"
    "|tbody|td|thead|th|tr|tt|ul|video"
)
_TAG = (
    r"(?s)<(?:!--.*?(?:--|\z)"
    r"|(?i-u:script)(?:[\s/][^>]*)?(?:>.*?(?:</(?i-u:script)[^>]*|\z)|\z)"
    r"|(?i-u:style)(?:[\s/][^>]*)?(?:>.*?(?:</(?i-u:style)[^>]*|\z)|\z)"
    rf"|/?(?i-u:{_SHORT_NAMES}|{_LONG_NAMES})(?:[\s/][^<>]*)?>"
    rf"|/?(?i-u:{_LONG_NAMES})[\s/]*\z"
    r"""|[a-zA-Z][a-zA-Z0-9:-]*\s[^<>]*=(?:[^<>]*>|\s*["'][^<>]*\z)"""
    r"|[!?][a-zA-Z][^<>]*>)>?"
)

_DECIMAL = (
    r"[1-9][0-9]{0,3}|[1-4][0-9]{4}|5[0-4][0-9]{3}|55[01][0-9]{2}|5[89][0-9]{3}"
    r"|[6-9][0-9]{4}|1[0-9]{5}"
)
_HEXADECIMAL = (
    r"[0-9a-fA-F]{1,3}|[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}|1[0-9a-fA-F]{4}"
)
_ENTITY = rf"&(?:#0*(?:{_DECIMAL})|#[xX]0*(?:{_HEXADECIMAL})|[A-Za-z][A-Za-z0-9]{{1,7}});"
_ESCAPED_AGAIN = r"&(?:(?:amp|#0*38|#[xX]26);)+(#?[0-9A-Za-z]{1,8};)"
_NAMED = "".join(f"&{name};{html5[f'{name};']}" for name in (*name2codepoint, "apos"))
_C1 = "".join(map(chr, range(0x80, 0xA0)))
_WINDOWS_1252 = "".join(bytes([ord(c1)]).decode("cp1252", "ignore") or c1 for c1 in _C1)


def clean_text(text: Column) -> Column:
    """Return text without HTML: tags first, then entities, then white space.

    In this order `&lt;b&gt;` becomes the text `<b>`, which somebody wrote, and not a tag.
    """
    stripped = strip_tags(text)
    return F.when(_may_hold_entities(text), _unescape(stripped, finish=tidy)).otherwise(
        tidy(stripped)
    )


def tidy(text: Column) -> Column:
    """Return trimmed text with one space for every run of white space or control characters."""
    return F.trim(F.regexp_replace(text, _UNTIDY, " "))


def strip_tags(text: Column) -> Column:
    """Return text with a space for every tag, and without comments, scripts and style sheets.

    A tag has a known name or an attribute; `5 < 6`, `<3` and `<sigh>` stay. A tag that the end of
    the text breaks off is removed too.
    """
    stripped = F.regexp_replace(text, _TAG, " ")
    return F.when(text.contains("<"), stripped).otherwise(text)


def unescape(text: Column) -> Column:
    """Return text with its entities as characters, also those that were escaped repeatedly.

    So `&amp;quot;` is a quotation mark. The 252 names of HTML 4, `&apos;` and the numbers of the
    first two planes of Unicode are known. As in HTML 5, 128 to 159 are read as Windows-1252.
    Other entities stay.
    """
    return _unescape(text)


def _may_hold_entities(text: Column) -> Column:
    return text.contains("&") & text.contains(";")


def _unescape(text: Column, finish: Callable[[Column], Column] | None = None) -> Column:
    # The fold is the outermost function, with `finish` inside: the embedded engine plans a lambda
    # again for every function around it.
    once = F.regexp_replace(text, _ESCAPED_AGAIN, "&$1")
    entities = F.array_distinct(F.regexp_extract_all(once, F.lit(_ENTITY), F.lit(0)))
    return F.aggregate(
        entities,
        once,
        lambda result, entity: F.replace(result, entity, _character(entity)),
        finish,
    )


def _character(entity: Column) -> Column:
    digits = F.btrim(entity, F.lit("&#xX;"))
    hexadecimal = F.lower(F.substring(entity, 3, 1)) == "x"
    code = F.when(hexadecimal, F.conv(digits, 16, 10)).otherwise(digits).try_cast("int")
    return F.when(entity.startswith("&#"), _code_point(code)).otherwise(_named(entity))


def _named(entity: Column) -> Column:
    place = F.position(entity, F.lit(_NAMED))
    character = F.substring(F.lit(_NAMED), place + F.length(entity), F.lit(1))
    return F.when(place > 0, character).otherwise(entity)


def _code_point(code: Column) -> Column:
    high = F.hex(F.lit(0xD7C0) + F.shiftright(code, 10))
    low = F.hex(F.lit(0xDC00) + code.bitwiseAND(F.lit(0x3FF)))
    units = F.when(code < 0x10000, F.lpad(F.hex(code), 4, "0")).otherwise(F.concat(high, low))
    return F.translate(F.decode(F.unhex(units), "UTF-16BE"), _C1, _WINDOWS_1252)
