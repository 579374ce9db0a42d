"""A peer that says exactly what a test wants, frame by frame."""

import socket
import time
from contextlib import contextmanager

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


class Peer:
    """A connected socket; `receive` gives one performative after the other."""

    def __init__(self, server):
        self.server = server
        self.socket = socket.create_connection((server.host, server.port), PATIENCE)
        self.payload = b""
        self._next_id = 0

    def send(self, performative, payload=b"", channel=0):
        self.socket.sendall(encode_frame(channel, performative, payload))

    def read(self, size):
        found = b""
        while len(found) < size:
            part = self.socket.recv(size - len(found))
            if not part:
                raise EOFError
            found += part
        return found

    def receive(self, kind=None):
        """The next performative, which must be of `kind`; its payload is in `payload`."""
        body = b""
        while not body:
            size = int.from_bytes(self.read(4), "big")
            body = self.read(size - 4)[4:]
        performative, self.payload = read_performative(body)
        assert kind is None or isinstance(performative, kind), performative
        return performative

    def receive_until(self, kind):
        """The next performative of a kind, whatever comes before."""
        while not isinstance(found := self.receive(), kind):
            pass
        return found

    def is_cut_off(self):
        """Whether the server ends the connection and says no more."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def shake_hands(self):
        self.socket.sendall(SASL_HEADER)
        assert self.read(8) == SASL_HEADER
        assert "ANONYMOUS" in self.receive(SaslMechanisms).mechanisms
        self.send(SaslInit(mechanism=Symbol("ANONYMOUS")))
        assert self.receive(SaslOutcome).outcome == 0
        self.socket.sendall(AMQP_HEADER)
        assert self.read(8) == AMQP_HEADER
        return self

    def open(self, **options):
        self.send(Open(**{"container_id": "test"} | options))
        return self.receive(Open)

    def begin(self, channel=0, window=100):
        one = UInt(0)
        self.send(
            Begin(next_outgoing_id=one, incoming_window=UInt(window), outgoing_window=UInt(100)),
            channel=channel,
        )
        return self.receive(Begin)

    def attach(self, handle, *, source=None, target=None, receives=False, **options):
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

    def flow(self, handle=None, *, credit=0, window=100, seen=1, count=0, **options):
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

    def transfer(self, handle, payload, *, more=False, **options):
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

    def authorize(self, hub):
        """Put a token for `hub`, over links with the handles 100 and 101."""
        self.attach(100, target="$cbs", source="$cbs")
        self.receive(Flow)
        self.attach(101, source="$cbs", target="$cbs", receives=True)
        self.flow(101, credit=10)
        address = f"sb://{self.server.host}/{hub}"
        token = sign(address, int(time.time()) + 60, self.server.policy, self.server.key)
        self.transfer(100, request("number", token, name=address), settled=True)
        self.receive(Transfer)
        return answer(self.payload)


def request(number, body, **properties):
    """A message that puts a token, unless `properties` say otherwise."""
    given = {"operation": "put-token", "type": "servicebus.windows.net:sastoken"} | properties
    return (
        encode_described(PROPERTIES, [number])
        + encode_described(APPLICATION_PROPERTIES, given)
        + encode_described(AMQP_VALUE, body)
    )


def answer(payload):
    """Correlation id, status code and body of an answer."""
    parts = {part.code: part.value() for part in read_sections(payload)}
    return parts[PROPERTIES][5], parts[APPLICATION_PROPERTIES]["status-code"], parts[AMQP_VALUE]


@contextmanager
def peer_of(server):
    """A peer that shook hands."""
    peer = Peer(server)
    with peer.socket:
        yield peer.shake_hands()
