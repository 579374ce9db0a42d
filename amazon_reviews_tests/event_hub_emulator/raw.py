"""A peer that sends exactly the frames of a test."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.devtools.event_hub_emulator.connection import AMQP_HEADER, SASL_HEADER
from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.frames import encode_frame
from amazon_reviews.devtools.event_hub_emulator.messages import (
    AMQP_VALUE,
    APPLICATION_PROPERTIES,
    DATA,
    PROPERTIES,
    read_sections,
)
from amazon_reviews.devtools.event_hub_emulator.performatives import (
    Attach,
    Begin,
    Flow,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
    read_performative,
)
from amazon_reviews.devtools.event_hub_emulator.sas import sign
from amazon_reviews.devtools.event_hub_emulator.values import Described, Symbol, UByte, UInt, ULong

PATIENCE = 20
READ_0 = "amqp://h/reviews/ConsumerGroups/$Default/Partitions/0"
EVENT = encode_described(DATA, b"body")
P = TypeVar("P", bound=Performative)


class Peer:
    """A connected socket that sends and receives performatives."""

    def __init__(self, emulator: EventHubEmulator) -> None:
        self.emulator = emulator
        self.socket = socket.create_connection((emulator.host, emulator.port), PATIENCE)
        self.payload = b""
        self._next_id = 0

    def send(self, performative: Performative, payload: bytes = b"", channel: int = 0) -> None:
        self.socket.sendall(encode_frame(channel, performative, payload))

    def read(self, size: int) -> bytes:
        octets = b""
        while len(octets) < size:
            part = self.socket.recv(size - len(octets))
            if not part:
                raise EOFError
            octets += part
        return octets

    def receive(self, kind: type[P]) -> P:
        """Return the next performative, which must be of `kind`; `payload` has its payload."""
        performative = self._receive()
        assert isinstance(performative, kind), performative
        return performative

    def receive_until(self, kind: type[P]) -> P:
        """Return the next performative of a kind, and skip those before it."""
        while not isinstance(performative := self._receive(), kind):
            pass
        return performative

    def _receive(self) -> Performative:
        body = b""
        while not body:
            size = int.from_bytes(self.read(4), "big")
            body = self.read(size - 4)[4:]
        performative, self.payload = read_performative(body)
        return performative

    def is_cut_off(self) -> bool:
        """Return True if the emulator ends the connection without sending more."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def shake_hands(self) -> Self:
        self.socket.sendall(SASL_HEADER)
        assert self.read(8) == SASL_HEADER
        assert "ANONYMOUS" in self.receive(SaslMechanisms).mechanisms
        self.send(SaslInit(mechanism=Symbol("ANONYMOUS")))
        assert self.receive(SaslOutcome).outcome == 0
        self.socket.sendall(AMQP_HEADER)
        assert self.read(8) == AMQP_HEADER
        return self

    def open(self, **options: Any) -> Open:
        self.send(Open(container_id="test", **options))
        return self.receive(Open)

    def begin(self, channel: int = 0, window: int = 100) -> Begin:
        begin = Begin(
            next_outgoing_id=UInt(0), incoming_window=UInt(window), outgoing_window=UInt(100)
        )
        self.send(begin, channel=channel)
        return self.receive(Begin)

    def attach(
        self,
        handle: int,
        *,
        source: str | None = None,
        target: str | None = None,
        receives: bool = False,
        **options: Any,
    ) -> Attach:
        self.send(
            Attach(
                name=f"link {handle}",
                handle=UInt(handle),
                role=receives,
                snd_settle_mode=UByte(1),
                source=Described(ULong(0x28), [source]),
                target=Described(ULong(0x29), [target]),
                **options,
            )
        )
        return self.receive(Attach)

    def flow(
        self,
        handle: int | None = None,
        *,
        credit: int = 0,
        window: int = 100,
        seen: int = 1,
        count: int = 0,
        **options: Any,
    ) -> None:
        self.send(
            Flow(
                next_incoming_id=UInt(seen),
                incoming_window=UInt(window),
                next_outgoing_id=UInt(self._next_id),
                outgoing_window=UInt(100),
                handle=None if handle is None else UInt(handle),
                delivery_count=UInt(count),
                link_credit=UInt(credit),
                **options,
            )
        )

    def transfer(self, handle: int, payload: bytes, *, more: bool = False, **options: Any) -> None:
        self.send(
            Transfer(
                handle=UInt(handle),
                delivery_id=UInt(self._next_id),
                delivery_tag=b"tag",
                more=more,
                **options,
            ),
            payload,
        )
        self._next_id += 0 if more else 1

    def authorize(self, hub: str) -> tuple[Any, int, Any]:
        """Send a token for `hub`, over links with the handles 100 and 101."""
        self.attach(100, target="$cbs", source="$cbs")
        self.receive(Flow)
        self.attach(101, source="$cbs", target="$cbs", receives=True)
        self.flow(101, credit=10)
        address = f"sb://{self.emulator.host}/{hub}"
        token = sign(address, int(time.time()) + 60, self.emulator.policy, self.emulator.key)
        self.transfer(100, request("number", token, name=address), settled=True)
        self.receive(Transfer)
        return read_response(self.payload)


def request(message_id: Any, body: Any, **properties: Any) -> bytes:
    """Return a request, by default to put a token."""
    properties = {"operation": "put-token", "type": "servicebus.windows.net:sastoken"} | properties
    return (
        encode_described(PROPERTIES, [message_id])
        + encode_described(APPLICATION_PROPERTIES, properties)
        + encode_described(AMQP_VALUE, body)
    )


def read_response(payload: bytes) -> tuple[Any, int, Any]:
    """Return correlation id, status code and body of a response."""
    parts = {part.code: part.value() for part in read_sections(payload)}
    return parts[PROPERTIES][5], parts[APPLICATION_PROPERTIES]["status-code"], parts[AMQP_VALUE]


@contextmanager
def peer_of(emulator: EventHubEmulator) -> Iterator[Peer]:
    """Connect a peer and complete the handshake."""
    peer = Peer(emulator)
    with peer.socket:
        yield peer.shake_hands()
