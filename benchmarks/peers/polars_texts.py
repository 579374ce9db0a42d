"""Cleaning of texts in Polars."""

import polars as pl

from benchmarks.peers import rules

_ENTITIES = {f"&{name};": text for name, text in rules.ENTITY_NAMES.items()}


def clean(text: pl.Expr) -> pl.Expr:
    """Return text without HTML: tags, then entities, then white space."""
    has_tags = text.str.contains("<", literal=True)
    tagged = pl.when(has_tags).then(text).str.replace_all(rules.UNSEEN, " ")
    stripped = pl.coalesce(tagged.str.replace_all(rules.TAG, " "), text)
    return tidy(unescape(stripped))


def unescape(text: pl.Expr) -> pl.Expr:
    """Return text with its entities as characters, also those that were escaped repeatedly."""
    escaped = pl.when(text.str.contains("&", literal=True)).then(text)
    once = escaped.str.replace_all(rules.ESCAPED_AGAIN, "&$1")
    unescaped = once.map_batches(_unescape, return_dtype=pl.String, is_elementwise=True)
    return pl.coalesce(unescaped, text)


def _unescape(texts: pl.Series) -> pl.Series:
    """Replace the distinct entities of a batch in one pass."""
    found = texts.drop_nulls().str.extract_all(rules.ENTITY).explode().drop_nulls().unique()
    characters = {entity: _character(entity) for entity in found}
    return texts.str.replace_many(characters) if characters else texts


def _character(entity: str) -> str:
    if not entity.startswith("&#"):
        return _ENTITIES.get(entity, entity)
    is_hexadecimal = entity[2] in "xX"
    code = int(entity[3:-1], 16) if is_hexadecimal else int(entity[2:-1])
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else entity


def tidy(text: pl.Expr) -> pl.Expr:
    """Return trimmed text with one space for every run of white space or control characters."""
    return text.str.replace_all(rules.UNTIDY, " ").str.strip_chars(" ")


def normalized(text: pl.Expr) -> pl.Expr:
    """Return the lower-case letters of a text, in words separated by one space."""
    without_links = text.str.to_lowercase().str.replace_all(rules.LINK, " ")
    joined = without_links.str.replace_all("['’]", "")
    return joined.str.replace_all(r"[^\pL]+", " ").str.strip_chars(" ")


def is_blank(text: pl.Expr) -> pl.Expr:
    """Return true for null and for white space."""
    return text.str.strip_chars().fill_null("") == ""
