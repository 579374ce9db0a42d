"""Clients of the service: their addresses, how often each may act, and the keys that they send."""

import hmac
import logging
from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic
from typing import NamedTuple

from cachetools import LRUCache
from starlette.types import Scope

_log = logging.getLogger(__name__)

MOST_WRONG_KEYS = 10
"""Wrong keys that an address may send in a row."""
SECONDS_PER_WRONG_KEY = 6.0
"""Seconds after which an address may send one more."""

# Addresses that are remembered. An address of an IPv6 network of its own costs its owner nothing.
_ADDRESSES = 10_000
_IPV6_NETWORK = 64
_LONGEST_HOST = 64
_UNKNOWN = "an unknown address"


def address_of(scope: Scope) -> str:
    """Return the address of a request's client, for IPv6 its network of the usual size."""
    client = scope.get("client")
    # A proxy may pass on any text.
    return _address(client[0][:_LONGEST_HOST]) if client else _UNKNOWN


@lru_cache(1_000)
def _address(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return _UNKNOWN
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or ip_network((int(address), _IPV6_NETWORK), strict=False))


class Buckets:
    """A bucket of tokens per address, full at first and filled at a constant rate."""

    def __init__(self, most: float, per_second: float) -> None:
        self._most, self._per_second = most, per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def seconds_to_wait(self, address: str) -> float:
        """Return 0 if the address has a token, else the seconds until it has one."""
        return max(0.0, (1 - self._tokens(address, monotonic())) / self._per_second)

    def take(self, address: str) -> float:
        """Take a token of the address; return 0, or the seconds until it has one."""
        now = monotonic()
        tokens = self._tokens(address, now)
        if tokens < 1:
            return (1 - tokens) / self._per_second
        self._buckets[address] = (tokens - 1, now)
        self._buckets.move_to_end(address)
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return 0.0

    def _tokens(self, address: str, now: float) -> float:
        tokens, since = self._buckets.get(address, (self._most, now))
        return min(self._most, tokens + (now - since) * self._per_second)


class KeyVerdict(NamedTuple):
    """The result of a key check; `wait` is the seconds until the next key is compared, or 0."""

    accepted: bool
    wait: float = 0


class KeyCheck:
    """Compares the keys of requests, and slows down those who guess.

    Ten wrong keys use up the attempts of an address, and every six seconds it gets one more.
    Without attempts its keys are rejected without a comparison, since an answer to the right one
    would tell it. An address that has sent the right key is an exception: there the right key is
    always accepted, so that a guesser behind the same router locks nobody out.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._attempts = Buckets(MOST_WRONG_KEYS, 1 / SECONDS_PER_WRONG_KEY)
        self._rejected: LRUCache[str, int] = LRUCache(_ADDRESSES)
        # Apart from the guessers, who could otherwise push these addresses out.
        self._known: LRUCache[str, bool] = LRUCache(_ADDRESSES)

    def check(self, address: str, sent: bytes) -> KeyVerdict:
        """Return the verdict on the key that was sent, which is empty if there was no key."""
        if not self._key:
            return KeyVerdict(True)
        if not sent:
            return KeyVerdict(False)
        wait = self._attempts.seconds_to_wait(address)
        is_compared = not wait or address in self._known
        # A plain comparison ends at the first difference, so its time would reveal the key.
        if is_compared and hmac.compare_digest(sent, self._key):
            self._known[address] = True
            return KeyVerdict(True)
        self._attempts.take(address)
        self._log_rejected(address)
        return KeyVerdict(False, wait)

    def _log_rejected(self, address: str) -> None:
        count = self._rejected[address] = self._rejected.get(address, 0) + 1
        # The 1st, 2nd, 4th, 8th …: a guesser must not fill the log.
        if count & (count - 1) == 0:
            _log.warning("keys rejected from %s so far: %d", address, count)
