"""The texts of examples: summaries and review texts, cleaned and side by side."""

import html
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LONGEST = 20_000
"""The most characters of a text that are read; the longest reviews have about 33,000."""

Texts: TypeAlias = pa.Array | pa.ChunkedArray | Sequence[str | None]

_TAG = r"<[a-zA-Z/!?][^<>]*>"
_APOSTROPHE = r"[\x{2018}\x{2019}\x{00b4}\x{02bc}]"
_DROPPED = r"[\x{fe0f}\x{200d}\x{00ad}]"
_BLANK = r"[^\x00-\x7f\p{L}\p{M}\p{N}\p{S}]"
_MARK = r"([\x{20a0}-\x{2bff}\x{3000}-\x{303f}\x{1f000}-\x{1faff}])"


def pieces(summaries: Texts, texts: Texts) -> pa.Array:
    """Return the cleaned summary and text of each review, alternating: 2n strings.

    A null becomes an empty string. So does a text that repeats its summary, since gold fills a
    missing text from the summary. HTML tags and entities are removed; other alphabets and emoji
    stay. Only the first `LONGEST` characters of a text are read.

    Raises:
        ValueError: the numbers of texts and summaries differ.
    """
    heads, bodies = _strings(summaries), _strings(texts)
    if len(heads) != len(bodies):
        raise ValueError(f"{len(heads)} summaries, {len(bodies)} texts")
    bodies = pc.if_else(pc.equal(heads, bodies), "", bodies)
    order = np.arange(2 * len(heads)).reshape(2, -1).T.ravel()
    return _clean(pa.concat_arrays([heads, bodies]).take(pa.array(order)))


def unusable_reason(text: object) -> str | None:
    """Return the reason why a text cannot be classified; None for a usable text.

    As in the Inteligencia Colectiva warehouse, a usable text has at least two letters of any
    alphabet. Empty texts, single letters, digits and signs are not usable.
    """
    if not isinstance(text, str) or not text.strip():
        return "the text is empty"
    letters = sum(map(str.isalpha, text[:LONGEST]))
    if letters == 0:
        has_digits = any(map(str.isdigit, text[:LONGEST]))
        return "the text has only digits" if has_digits else "the text has no letters"
    return "the text has only one letter" if letters == 1 else None


def _strings(texts: Texts) -> pa.Array:
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        texts = _from_python(texts)
    texts = pc.fill_null(texts.cast(pa.large_string()), "")
    is_long = pc.greater(pc.binary_length(texts), LONGEST)
    return _where(texts, is_long, lambda long: pc.utf8_slice_codeunits(long, 0, LONGEST))


def _from_python(texts: Sequence[Any]) -> pa.Array:
    known = [text[:LONGEST] if isinstance(text, str) else "" for text in texts]
    try:
        return pa.array(known, pa.large_string())
    except UnicodeEncodeError:  # one half of a surrogate pair
        return pa.array([text.encode(errors="ignore") for text in known], pa.large_string())


def _where(texts: pa.Array, mask: pa.Array, change: Any) -> pa.Array:
    """Return the texts with `change` applied to those of the mask, as these are few."""
    if not pc.any(mask, min_count=0).as_py():
        return texts
    return pc.replace_with_mask(texts, mask, change(texts.filter(mask)))


def _clean(texts: pa.Array) -> pa.Array:
    has_tag = pc.match_substring(texts, "<")
    texts = _where(texts, has_tag, lambda some: pc.replace_substring_regex(some, _TAG, " "))
    texts = _where(texts, pc.match_substring(texts, "&"), _unescaped)
    texts = _where(texts, pc.invert(pc.string_is_ascii(texts)), _folded)
    return pc.replace_substring(texts, "'", "")


def _unescaped(texts: pa.Array) -> pa.Array:
    return _from_python([html.unescape(text) for text in texts.to_pylist()])


def _folded(texts: pa.Array) -> pa.Array:
    """Return normalised lower-case texts; punctuation becomes blanks, emoji become words."""
    texts = pc.utf8_lower(pc.utf8_normalize(texts, "NFKC"))
    for pattern, replacement in (
        (_APOSTROPHE, "'"),
        (_DROPPED, ""),
        (_MARK, r" \1 "),
        (_BLANK, " "),
    ):
        texts = pc.replace_substring_regex(texts, pattern, replacement)
    return texts
