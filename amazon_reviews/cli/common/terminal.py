"""Text for a terminal: data is shown unchanged, but cannot control the terminal."""

import unicodedata

_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# A line break of a message, and the joiners that emoji and some scripts need.
_SAFE = "\n\u200c\u200d"


def plain(text: object) -> str:
    """Return the text with control and bidirectional characters written as escapes."""
    return "".join(map(_escaped, str(text)))


def _escaped(character: str) -> str:
    if character in _SAFE or unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode()
