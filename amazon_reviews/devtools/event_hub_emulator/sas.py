"""Shared access signatures: HMAC-SHA256 over a resource and an expiry."""

import base64
import hashlib
import hmac
import re
from urllib.parse import quote_plus, unquote_plus

from amazon_reviews.devtools.event_hub_emulator.addresses import path_of
from amazon_reviews.devtools.event_hub_emulator.errors import TokenError

# Both come from the documentation of Microsoft's own emulator, so they are no secret.
DEVELOPMENT_POLICY = "RootManageSharedAccessKey"
DEVELOPMENT_KEY = "SAS_KEY_VALUE"

_PREFIX = "SharedAccessSignature "


class Grants:
    """The paths that the tokens of a connection give access to, with everything below them."""

    def __init__(self) -> None:
        self._expiries: dict[str, float] = {}

    def add(self, path: str, expires: float) -> None:
        """Give access to `path` until `expires`, in seconds since 1970."""
        self._expiries[path] = expires

    def cover(self, path: str, now: float) -> bool:
        """Return True if a token gives access to `path`, which is in lower case."""
        return any(
            now < expires and is_below(path, granted) for granted, expires in self._expiries.items()
        )


def is_below(path: str, other: str) -> bool:
    """Return True if `path` is `other` or below it; the empty path is the whole namespace."""
    return not other or f"{path}/".startswith(f"{other}/")


def sign(resource: str, expires: int, policy: str, key: str) -> str:
    """Return a token for the address `resource` until `expires`, in seconds since 1970."""
    signed = quote_plus(resource)
    signature = quote_plus(_signature(signed, str(expires), key))
    return f"{_PREFIX}sr={signed}&sig={signature}&se={expires}&skn={policy}"


def verify(token: str, audience: str, now: float, policy: str, key: str) -> float:
    """Return the expiry of the access that `token` gives to `audience`, in seconds since 1970.

    Raises:
        TokenError: The token has another signature, has expired, or is for another resource.
    """
    fields = dict(part.partition("=")[::2] for part in token.removeprefix(_PREFIX).split("&"))
    resource, expires = fields.get("sr", ""), fields.get("se", "")
    expected = _signature(resource, expires, key)
    signature = unquote_plus(fields.get("sig", ""))
    known = unquote_plus(fields.get("skn", "")) == policy
    if not known or not hmac.compare_digest(signature.encode(), expected.encode()):
        raise TokenError("InvalidSignature: the token has an invalid signature")
    if not re.fullmatch(r"\d{1,12}", expires) or int(expires) <= now:
        raise TokenError("ExpiredToken: the token has expired")
    if not is_below(path_of(audience), path_of(unquote_plus(resource))):
        raise TokenError("InvalidAudience: the token is for another resource")
    return float(expires)


def _signature(resource: str, expires: str, key: str) -> str:
    text = f"{resource}\n{expires}".encode()
    return base64.b64encode(hmac.digest(key.encode(), text, hashlib.sha256)).decode()
