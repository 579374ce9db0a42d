"""The requests that clients send as messages: tokens to `$cbs`, questions to `$management`."""

import time
from types import NoneType
from typing import Any, NamedTuple
from uuid import UUID

from amazon_reviews.devtools.event_hub_emulator.addresses import CBS, path_of
from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.log import Hub, Partition
from amazon_reviews.devtools.event_hub_emulator.messages import (
    AMQP_VALUE,
    APPLICATION_PROPERTIES,
    PROPERTIES,
    read_sections,
)
from amazon_reviews.devtools.event_hub_emulator.namespace import Namespace
from amazon_reviews.devtools.event_hub_emulator.refusal import Refusal
from amazon_reviews.devtools.event_hub_emulator.sas import Grants, TokenRefused, verify
from amazon_reviews.devtools.event_hub_emulator.values import (
    Array,
    Int,
    Malformed,
    Timestamp,
    ULong,
)

_SAS_TOKEN = "servicebus.windows.net:sastoken"
# There is nobody who could tell whether a token of another kind is good: it is, for so long.
_OTHER_TOKEN_SECONDS = 3600


class Request(NamedTuple):
    """A request; `number` is the message id of whatever type, and goes back with the answer."""

    number: Any
    properties: dict[str, Any]
    body: Any


class _Answer(NamedTuple):
    status: int
    description: str
    body: dict[str, Any] | None = None


def read_request(encoded: bytes) -> Request:
    """The request that a message holds.

    Raises:
        Malformed: it is no message, or its parts have other types.
    """
    parts = {part.code: part.value() for part in read_sections(encoded)}
    numbers = parts.get(PROPERTIES) or [None]
    properties = parts.get(APPLICATION_PROPERTIES, {})
    if not isinstance(numbers, list) or not isinstance(properties, dict):
        raise Malformed("a request whose properties are none")
    if not isinstance(numbers[0], str | bytes | UUID | ULong | NoneType):
        raise Malformed("a request whose message id is none")
    return Request(numbers[0], properties, parts.get(AMQP_VALUE))


def answer(node: str, request: Request, namespace: Namespace, grants: Grants) -> bytes:
    """The message that answers a request to `node`; a token is added to `grants`."""
    respond = _put_token if node == CBS else _read_entity
    status, description, body = respond(request, namespace, grants)
    properties = {"status-code": Int(status), "status-description": description}
    return (
        encode_described(PROPERTIES, [None, None, None, None, None, request.number])
        + encode_described(APPLICATION_PROPERTIES, properties)
        + encode_described(AMQP_VALUE, body)
    )


def _put_token(request: Request, namespace: Namespace, grants: Grants) -> _Answer:
    if request.properties.get("operation") != "put-token" or namespace.refuse_tokens:
        return _Answer(401, "Unauthorized")
    audience, now = str(request.properties.get("name")), time.time()
    expires = now + _OTHER_TOKEN_SECONDS
    if request.properties.get("type") == _SAS_TOKEN:
        try:
            expires = verify(_text(request.body), audience, now, namespace.policy, namespace.key)
        except TokenRefused as refusal:
            return _Answer(401, str(refusal))
    grants.add(path_of(audience), expires)
    return _Answer(202, "Accepted")


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _read_entity(request: Request, namespace: Namespace, grants: Grants) -> _Answer:
    properties = request.properties
    name, partition = str(properties.get("name")), str(properties.get("partition"))
    if not grants.cover(name.lower(), time.time()):
        return _Answer(401, f"Unauthorized access to '{name}'")
    try:
        match properties.get("operation"), properties.get("type"):
            case "READ", "com.microsoft:eventhub":
                return _Answer(200, "OK", _describe_hub(namespace.hub(name)))
            case "READ", "com.microsoft:partition":
                found = namespace.partition(name, partition)
                return _Answer(200, "OK", _describe_partition(namespace.hub(name), found))
    except Refusal as refusal:
        return _Answer(404, refusal.text)
    return _Answer(400, "there is no such operation")


def _describe_hub(hub: Hub) -> dict[str, Any]:
    return {
        "name": hub.name,
        "type": "com.microsoft:eventhub",
        "created_at": Timestamp(hub.created),
        "partition_count": Int(len(hub.partitions)),
        "partition_ids": Array(hub.partitions),
        "georeplication_factor": Int(1),
    }


def _describe_partition(hub: Hub, partition: Partition) -> dict[str, Any]:
    return {
        "name": hub.name,
        "type": "com.microsoft:partition",
        "partition": partition.name,
        "begin_sequence_number": partition.first,
        "last_enqueued_sequence_number": partition.next - 1,
        "last_enqueued_offset": str(partition.last_offset),
        "last_enqueued_time_utc": Timestamp(partition.last_enqueued),
        "is_partition_empty": partition.first == partition.next,
    }
