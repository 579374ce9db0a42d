"""The text of an example: summary and review text, side by side, as bytes to be read into words."""

import html
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LONGEST = 20_000
"""Characters of a text that are read; the longest reviews of the shop have about 33,000."""

Texts: TypeAlias = pa.Array | pa.ChunkedArray | Sequence[str | None]

_TAG = r"<[a-zA-Z/!?][^<>]*>"
_APOSTROPHE = r"[\x{2018}\x{2019}\x{00b4}\x{02bc}]"
_DROPPED = r"[\x{fe0f}\x{200d}\x{00ad}]"
_BLANK = r"[^\x00-\x7f\p{L}\p{M}\p{N}\p{S}]"
_MARK = r"([\x{20a0}-\x{2bff}\x{3000}-\x{303f}\x{1f000}-\x{1faff}])"


def pieces(summaries: Texts, texts: Texts) -> pa.Array:
    """Summary and text of each review, alternating and tidied: 2n strings of text.

    A null is an empty string, and so is a text that only repeats its summary, as gold fills a
    missing one. HTML tags and entities go, other alphabets and emoji stay; of very long texts the
    first `LONGEST` characters are read.

    Raises:
        ValueError: there are not as many texts as summaries.
    """
    heads, bodies = _strings(summaries), _strings(texts)
    if len(heads) != len(bodies):
        raise ValueError(f"{len(heads)} summaries, {len(bodies)} texts")
    bodies = pc.if_else(pc.equal(heads, bodies), "", bodies)
    order = np.arange(2 * len(heads)).reshape(2, -1).T.ravel()
    return _tidy(pa.concat_arrays([heads, bodies]).take(pa.array(order)))


def refusal(text: object) -> str | None:
    """Why a text that somebody wants judged is refused, or None.

    Refused are texts without two letters in a row of any alphabet: empty ones, single letters,
    digits and signs only (as source system 2 does).
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
    return _cut(pc.fill_null(texts.cast(pa.large_string()), ""))


def _from_python(texts: Sequence[Any]) -> pa.Array:
    known = [text[:LONGEST] if isinstance(text, str) else "" for text in texts]
    try:
        return pa.array(known, pa.large_string())
    except UnicodeEncodeError:  # half a surrogate pair
        return pa.array([text.encode(errors="ignore") for text in known], pa.large_string())


def _cut(texts: pa.Array) -> pa.Array:
    is_long = pc.greater(pc.binary_length(texts), LONGEST)
    return _where(texts, is_long, lambda some: pc.utf8_slice_codeunits(some, 0, LONGEST))


def _where(texts: pa.Array, chosen: pa.Array, change: Any) -> pa.Array:
    """`texts` with the chosen ones changed; most often there are few of them."""
    if not pc.any(chosen, min_count=0).as_py():
        return texts
    return pc.replace_with_mask(texts, chosen, change(texts.filter(chosen)))


def _tidy(texts: pa.Array) -> pa.Array:
    texts = _where(texts, pc.match_substring(texts, "<"), _without_tags)
    texts = _where(texts, pc.match_substring(texts, "&"), _unescaped)
    texts = _where(texts, pc.invert(pc.string_is_ascii(texts)), _folded)
    return pc.replace_substring(texts, "'", "")


def _without_tags(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, _TAG, " ")


def _unescaped(texts: pa.Array) -> pa.Array:
    return _from_python([html.unescape(text) for text in texts.to_pylist()])


def _folded(texts: pa.Array) -> pa.Array:
    """Other alphabets in lower case and one form; punctuation as blanks, emoji on their own."""
    texts = pc.utf8_lower(pc.utf8_normalize(texts, "NFKC"))
    for pattern, replacement in (
        (_APOSTROPHE, "'"),
        (_DROPPED, ""),
        (_MARK, r" \1 "),
        (_BLANK, " "),
    ):
        texts = pc.replace_substring_regex(texts, pattern, replacement)
    return texts
