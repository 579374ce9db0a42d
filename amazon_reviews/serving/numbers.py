"""Numbers in files that somebody hands over, written as the pipeline reads them."""

import math
import re

_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_BLANKS = " \t\r\n"


def number(text: str) -> float | None:
    """The finite decimal number in a text, as `transforms.strict_json.number` reads it."""
    found = float(text) if _NUMBER.fullmatch(text := text.strip(_BLANKS)) else math.nan
    return found if math.isfinite(found) else None
