"""Python dict literals, one per line, as JSON."""

import ast
import re

import orjson

from amazon_reviews.pipeline.source_files.canonical import canonical_json
from amazon_reviews.pipeline.source_files.formats import Numbered

# Python's parser needs about 500 bytes for each value.
_LONGEST_PARSED = 256 * 1024
_WORDS = {"True": "true", "False": "false", "None": "null"}
_TOKENS = re.compile(
    r"""'((?:[^'\\\n]++|\\.)*+)'|("(?:[^"\\\n]++|\\.)*+")|([A-Za-z_]\w*)|\s+|\d[\d.eE+-]*"""
)
# Python warns of other escapes, and takes them as they are written.
_ESCAPES = re.compile(r"""\\(?:([\\'"abfnrtvxuUN0-7\n])|(.))""", re.DOTALL)
_NOT_PLAIN = re.compile(r'[\\"\x00-\x1f\x7f\ud800-\udfff]')


def literal_records(lines: list[Numbered]) -> list[Numbered]:
    """Return the lines with each dict literal as JSON; other lines are unchanged."""
    return [(number, literal_json(line) or line) for number, line in lines]


def literal_json(line: bytes) -> bytes | None:
    """Return a dict literal as JSON, None if the line is none; nothing of it is evaluated."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        text = line.decode().strip()
        return _rewritten(text) or _parsed(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _rewritten(text: str) -> bytes | None:
    """Return the JSON of the same values, None if that is not as simple as other quotes."""
    try:
        rewritten = _TOKENS.sub(_rewrite, text).encode()
        return rewritten if isinstance(orjson.loads(rewritten), dict) else None
    except (KeyError, ValueError, SyntaxError, TypeError):
        return None


def _rewrite(token: re.Match[str]) -> str:
    written = token[0]
    match token.lastindex:
        case 1 | 2:
            inner = written[1:-1]
            if not _NOT_PLAIN.search(inner):
                return f'"{inner}"'
            if "\\" in inner:
                inner = ast.literal_eval(_with_known_escapes(written))
            return orjson.dumps(inner).decode()
        case 3:
            return _WORDS[written]
    return "" if written.isspace() else written


def _with_known_escapes(text: str) -> str:
    return _ESCAPES.sub(lambda escape: escape[0] if escape[1] else f"\\{escape[0]}", text)


def _parsed(text: str) -> bytes | None:
    if len(text) > _LONGEST_PARSED:
        return None
    value = ast.literal_eval(_with_known_escapes(text))
    return canonical_json(value) if isinstance(value, dict) else None
