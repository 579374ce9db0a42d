"""The requests that clients send as messages: tokens to `$cbs`, metadata to `$management`."""

import time
from types import NoneType
from typing import Any, NamedTuple
from uuid import UUID

from amazon_reviews.devtools.event_hub_emulator.addresses import CBS, path_of
from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.errors import AmqpError, MalformedError, TokenError
from amazon_reviews.devtools.event_hub_emulator.log import Hub, Partition
from amazon_reviews.devtools.event_hub_emulator.messages import (
    AMQP_VALUE,
    APPLICATION_PROPERTIES,
    PROPERTIES,
    read_sections,
)
from amazon_reviews.devtools.event_hub_emulator.namespace import Namespace
from amazon_reviews.devtools.event_hub_emulator.sas import Grants, verify
from amazon_reviews.devtools.event_hub_emulator.values import (
    Array,
    Int,
    Timestamp,
    ULong,
)

_SAS_TOKEN = "servicebus.windows.net:sastoken"
# Tokens of other kinds cannot be verified here, so they are accepted, but not forever.
_OTHER_TOKEN_SECONDS = 3600


class Request(NamedTuple):
    """A request; its message id may have any type, and is sent back with the response."""

    message_id: Any
    properties: dict[str, Any]
    body: Any


class _Response(NamedTuple):
    status: int
    description: str
    body: dict[str, Any] | None = None


def read_request(encoded: bytes) -> Request:
    """Decode a request.

    Raises:
        MalformedError: The bytes are not a message, or its parts have other types.
    """
    parts = {part.code: part.value() for part in read_sections(encoded)}
    standard_properties = parts.get(PROPERTIES) or [None]
    properties = parts.get(APPLICATION_PROPERTIES, {})
    if not isinstance(standard_properties, list) or not isinstance(properties, dict):
        raise MalformedError("a request whose properties have another type")
    message_id = standard_properties[0]
    if not isinstance(message_id, str | bytes | UUID | ULong | NoneType):
        raise MalformedError("a request whose message id has another type")
    return Request(message_id, properties, parts.get(AMQP_VALUE))


def respond(node: str, request: Request, namespace: Namespace, grants: Grants) -> bytes:
    """Return the response to a request to `node`; a valid token is added to `grants`."""
    handle = _put_token if node == CBS else _read_entity
    status, description, body = handle(request, namespace, grants)
    properties = {"status-code": Int(status), "status-description": description}
    return (
        encode_described(PROPERTIES, [None, None, None, None, None, request.message_id])
        + encode_described(APPLICATION_PROPERTIES, properties)
        + encode_described(AMQP_VALUE, body)
    )


def _put_token(request: Request, namespace: Namespace, grants: Grants) -> _Response:
    if request.properties.get("operation") != "put-token" or namespace.refuse_tokens:
        return _Response(401, "Unauthorized")
    audience, now = str(request.properties.get("name")), time.time()
    expires = now + _OTHER_TOKEN_SECONDS
    if request.properties.get("type") == _SAS_TOKEN:
        body = request.body
        token = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
        try:
            expires = verify(token, audience, now, namespace.policy, namespace.key)
        except TokenError as error:
            return _Response(401, str(error))
    grants.add(path_of(audience), expires)
    return _Response(202, "Accepted")


def _read_entity(request: Request, namespace: Namespace, grants: Grants) -> _Response:
    properties = request.properties
    name, partition = str(properties.get("name")), str(properties.get("partition"))
    if not grants.cover(name.lower(), time.time()):
        return _Response(401, f"Unauthorized access to '{name}'")
    try:
        match properties.get("operation"), properties.get("type"):
            case "READ", "com.microsoft:eventhub":
                return _Response(200, "OK", _describe_hub(namespace.hub(name)))
            case "READ", "com.microsoft:partition":
                log = namespace.partition(name, partition)
                return _Response(200, "OK", _describe_partition(namespace.hub(name), log))
    except AmqpError as error:
        return _Response(404, error.text)
    return _Response(400, "unknown operation")


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
