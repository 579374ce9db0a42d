"""Shared access signatures: HMAC-SHA256 over a resource and an expiry."""

import base64
import hashlib
import hmac
import re
from urllib.parse import quote_plus, unquote_plus

from amazon_reviews.devtools.event_hub_emulator.addresses import path_of

# Both are in the documentation of Microsoft's own emulator, and open nothing else.
DEVELOPMENT_POLICY = "RootManageSharedAccessKey"
DEVELOPMENT_KEY = "SAS_KEY_VALUE"

_PREFIX = "SharedAccessSignature "


class TokenRefused(Exception):
    """A token that gives no access; the text says why."""


class Grants:
    """What the tokens of a connection give access to: paths, and all that lies below them."""

    def __init__(self) -> None:
        self._expiries: dict[str, float] = {}

    def add(self, path: str, expires: float) -> None:
        """Give access to `path` until `expires`, in seconds since 1970."""
        self._expiries[path] = expires

    def cover(self, path: str, now: float) -> bool:
        """Whether there is access to `path`, in small letters."""
        return any(
            now < expires and lies_below(path, granted)
            for granted, expires in self._expiries.items()
        )


def lies_below(path: str, other: str) -> bool:
    """Whether `path` is `other` or below it; the empty path is that of the namespace."""
    return not other or f"{path}/".startswith(f"{other}/")


def sign(resource: str, expires: int, policy: str, key: str) -> str:
    """A token for `resource`, an address, until `expires`, in seconds since 1970."""
    signed = quote_plus(resource)
    signature = quote_plus(_signature(signed, str(expires), key))
    return f"{_PREFIX}sr={signed}&sig={signature}&se={expires}&skn={policy}"


def verify(token: str, audience: str, now: float, policy: str, key: str) -> float:
    """When the access that `token` gives to `audience` expires, in seconds since 1970.

    Raises:
        TokenRefused: it has another signature, has expired, or is for something else.
    """
    fields = dict(part.partition("=")[::2] for part in token.removeprefix(_PREFIX).split("&"))
    resource, expires = fields.get("sr", ""), fields.get("se", "")
    expected = _signature(resource, expires, key)
    given = unquote_plus(fields.get("sig", ""))
    known = unquote_plus(fields.get("skn", "")) == policy
    if not known or not hmac.compare_digest(given.encode(), expected.encode()):
        raise TokenRefused("InvalidSignature: the token has an invalid signature")
    if not re.fullmatch(r"\d{1,12}", expires) or int(expires) <= now:
        raise TokenRefused("ExpiredToken: the token has expired")
    if not lies_below(path_of(audience), path_of(unquote_plus(resource))):
        raise TokenRefused("InvalidAudience: the token is for something else")
    return float(expires)


def _signature(resource: str, expires: str, key: str) -> str:
    text = f"{resource}\n{expires}".encode()
    return base64.b64encode(hmac.digest(key.encode(), text, hashlib.sha256)).decode()
