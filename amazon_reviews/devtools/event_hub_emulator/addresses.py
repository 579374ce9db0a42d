"""Addresses of a namespace, to publish to and to read from.

Their forms are `hub`, `hub/Partitions/id` and `hub/ConsumerGroups/group/Partitions/id`.
"""

import re
from typing import NamedTuple

CBS = "$cbs"
MANAGEMENT = "$management"

_HOST = re.compile(r"^(?:amqps?|sb|https?)://[^/]*")
_PUBLISH = re.compile(r"([^/$]+)(?:/partitions/([^/]+))?")
_READ = re.compile(r"([^/$]+)/consumergroups/([^/]+)/partitions/([^/]+)")


class PublishAddress(NamedTuple):
    """An address to publish events to; without a partition, the hub chooses one."""

    hub: str
    partition: str | None


class ReadAddress(NamedTuple):
    """An address to read events from."""

    hub: str
    group: str
    partition: str


def path_of(address: str) -> str:
    """Return the part after scheme and host in lower case: names of a namespace ignore case."""
    return _HOST.sub("", address).strip("/").lower()


def publish_address(path: str) -> PublishAddress | None:
    """Parse `path` as an address to publish to; return None for any other path."""
    match = _PUBLISH.fullmatch(path)
    return PublishAddress(match[1], match[2]) if match else None


def read_address(path: str) -> ReadAddress | None:
    """Parse `path` as an address to read from; return None for any other path."""
    match = _READ.fullmatch(path)
    return ReadAddress(match[1], match[2], match[3]) if match else None
