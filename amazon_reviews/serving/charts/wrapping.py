"""Texts of charts that fit the width of their place: titles, names of rows and legends.

Only the browser knows this width, so these are expressions of Vega.
"""

import json
from collections.abc import Iterable

import altair as alt

_PICTURE = 880
"""The width that a picture, which has no place on a page, is drawn for."""

# Pixels of a character: of a title, of a name, of a legend.
_TITLE, _NAME, _LEGEND = 8.6, 6.8, 6.5
_SHORTEST_TITLE = 36
"""Characters of a title that fit a phone."""

_SYMBOL = 28
"""Pixels of the symbol of a legend, and of the space before the next one."""

_WIDTH = f"(isFinite(containerSize()[0]) ? containerSize()[0] : {_PICTURE})"
# A phone has room for 20 characters beside a plot, a desktop and a picture for 44.
_CHARACTERS = f"clamp(floor({_WIDTH} / 16), 20, 44)"
_NARROW = f"{_WIDTH} < 500"


def _lines(text: str, length: str) -> str:
    """Return the expression of a text as lines of up to `length` characters, cut at blanks."""
    return (
        f"split(trim(replace({text}, regexp('(.{{1,' + {length} + '}})(\\\\s+|$)', 'g'), "
        "'$1\\n')), '\\n')"
    )


_LABEL_LINES = _lines("datum.label", _CHARACTERS)
_LABEL_END = (
    f"replace(datum.label, regexp('^.*?\\\\s([^\\\\s·].{{0,' + ({_CHARACTERS} - 1) + '}})$'), '$1')"
)
TWO_LINES = f"length({_LABEL_LINES}) > 2 ? [{_LABEL_LINES}[0] + '…', {_LABEL_END}] : {_LABEL_LINES}"
"""A label in at most two lines: its beginning, and its end, which may be what distinguishes it."""

# Vega puts the first line at the middle of the row, so that the second needs room below.
CENTRED = {"condition": {"test": f"length({_LABEL_LINES}) > 1", "value": -6}, "value": 0}
LABEL_WIDTH = alt.ExprRef(f"{_NAME} * {_CHARACTERS}")


def wrapped_title(text: str) -> str | alt.ExprRef:
    """Return a title in as many lines as it needs."""
    if len(text) <= _SHORTEST_TITLE:
        return text
    # As JSON the text is a literal: nothing in it is part of the expression.
    return alt.ExprRef(_lines(json.dumps(text), f"floor({_WIDTH} / {_TITLE})"))


def legend_columns(names: Iterable[str], left: int) -> alt.ExprRef:
    """Return the number of columns of a legend above the plot: all names, two or one.

    `left` are the pixels of the names or numbers beside the plot, on a phone.
    """
    widths = [_LEGEND * len(name) + _SYMBOL for name in names] or [0]
    room = f"{_WIDTH} - ({_NARROW} ? {left} : {2 * left})"
    return alt.ExprRef(
        f"{room} > {sum(widths):.0f} ? {len(widths)} : {room} > {2 * max(widths):.0f} ? 2 : 1"
    )
