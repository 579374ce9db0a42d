"""Pseudonyms of persons: short, the same in every session, and meaningless without the key.

A pseudonym leads back to a person only through a list of ids that the page has read itself. So each
page that takes pseudonyms has such a list, of bounded length.
"""

from base64 import b32encode
from collections.abc import Callable
from hmac import digest

from amazon_reviews import config

NO_KEY = f"Single persons are shown by pseudonym only, which needs `{config.PSEUDONYM_KEY}`."

# 40 bits: among the thousand persons of a list, two share a pseudonym once in two million lists.
_BYTES = 5


def pseudonymizer() -> Callable[[str], str] | None:
    """Return the function from the id of a person to the pseudonym; None without a key."""
    key = config.load().pseudonym_key.get_secret_value().encode()
    if not key:
        return None
    return lambda person: (
        b32encode(digest(key, person.encode(), "sha256")[:_BYTES]).decode().lower()
    )
