"""The addresses of a namespace, to publish to and to read from.

They are `hub`, `hub/Partitions/id` and `hub/ConsumerGroups/group/Partitions/id`.
"""

import re
from typing import NamedTuple

CBS = "$cbs"
MANAGEMENT = "$management"

_HOST = re.compile(r"^(?:amqps?|sb|https?)://[^/]*")
_PUBLISH = re.compile(r"([^/$]+)(?:/partitions/([^/]+))?")
_READ = re.compile(r"([^/$]+)/consumergroups/([^/]+)/partitions/([^/]+)")


class PublishAddress(NamedTuple):
    """Where events are published to; without a partition, the hub chooses one."""

    hub: str
    partition: str | None


class ReadAddress(NamedTuple):
    """Where events are read from."""

    hub: str
    group: str
    partition: str


def path_of(address: str) -> str:
    """What follows scheme and host, in small letters: names of a namespace have no case."""
    return _HOST.sub("", address).strip("/").lower()


def publish_address(path: str) -> PublishAddress | None:
    """What `path` names, if events can be published to it."""
    match = _PUBLISH.fullmatch(path)
    return PublishAddress(match[1], match[2]) if match else None


def read_address(path: str) -> ReadAddress | None:
    """What `path` names, if events can be read from it."""
    match = _READ.fullmatch(path)
    return ReadAddress(match[1], match[2], match[3]) if match else None
