"""Text for a terminal: data is shown as it is, and commands nothing."""

import unicodedata

from rich.console import Console

_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# A line break of a message, and the joiners that emoji and some scripts need.
_SAFE = "\n\u200c\u200d"


def plain(text: object) -> str:
    """The text with control and bidirectional characters written as escapes."""
    return "".join(map(_escaped, str(text)))


def terminal(*, stderr: bool = False) -> Console:
    """A console that takes neither markup nor names of emoji for more than text."""
    return Console(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)


def _escaped(character: str) -> str:
    if character in _SAFE or unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode()
