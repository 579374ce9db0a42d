"""Protocol details that the clients hide: credit, windows, responses, errors, the handshake."""

from uuid import UUID

import pytest

from amazon_reviews.devtools.event_hub_emulator import log
from amazon_reviews.devtools.event_hub_emulator.connection import AMQP_HEADER, SASL_HEADER
from amazon_reviews.devtools.event_hub_emulator.encoding import encode_described
from amazon_reviews.devtools.event_hub_emulator.links import CREDIT
from amazon_reviews.devtools.event_hub_emulator.messages import read_message
from amazon_reviews.devtools.event_hub_emulator.performatives import (
    Attach,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
)
from amazon_reviews.devtools.event_hub_emulator.session import WINDOW
from amazon_reviews.devtools.event_hub_emulator.values import Described, Symbol, UInt, ULong
from amazon_reviews_tests.event_hub_emulator.raw import (
    EVENT,
    READ_0,
    Peer,
    peer_of,
    read_response,
    request,
)


def numbers_of(peer, count):
    """Receive `count` events and return their sequence numbers."""
    numbers = []
    for _ in range(count):
        peer.receive(Transfer)
        numbers.append(read_message(peer.payload).annotations["x-opt-sequence-number"])
    return numbers


def test_credit_limits_the_events_that_are_sent(emulator, peer):
    emulator.append("reviews", "0", *[b"x"] * 10)
    peer.attach(0, source=READ_0, receives=True)
    peer.flow(0, credit=3, seen=2)
    assert numbers_of(peer, 3) == [0, 1, 2]

    peer.flow(echo=True, seen=5)
    peer.receive(Flow)
    peer.flow(0, credit=2, count=3, seen=5)
    assert numbers_of(peer, 2) == [3, 4]


def test_lower_epoch_is_rejected_and_a_higher_one_takes_over(emulator, peer):
    detached = []
    for handle, epoch in enumerate((5, 4, None, 6)):
        attach = Attach(
            name=str(handle),
            handle=UInt(handle),
            role=True,
            source=Described(ULong(0x28), [READ_0]),
            properties=None if epoch is None else {Symbol("com.microsoft:epoch"): epoch},
        )
        peer.send(attach)
        if handle:
            detached.append(peer.receive_until(Detach))

    assert [detach.handle for detach in detached] == [1, 2, 0]
    assert {detach.error.value[0] for detach in detached} == {"amqp:link:stolen"}
    assert emulator.receivers("reviews", "0") == 1


def test_recreated_hub_keeps_its_consumer_groups(emulator):
    emulator.recreate("audit")
    with peer_of(emulator) as peer:
        peer.open()
        peer.begin()
        peer.authorize("audit")
        source = "audit/ConsumerGroups/ETL/Partitions/0"
        peer.attach(0, source=source, receives=True)
        assert emulator.receivers("audit", "0", "etl") == 1
        peer.attach(1, source=source.replace("ETL", "nosuch"), receives=True)
        assert peer.receive(Detach).error.value[0] == "amqp:not-found"


def test_drain_uses_up_the_credit(emulator, peer):
    emulator.append("reviews", "0", b"x")
    peer.attach(0, source=READ_0, receives=True)
    peer.flow(0, credit=10, seen=2, drain=True)

    assert numbers_of(peer, 1) == [0]
    drained = peer.receive(Flow)
    assert (drained.delivery_count, drained.link_credit) == (10, 0)


def test_message_is_split_to_frame_size_and_window_of_the_peer(emulator):
    emulator.append("reviews", "0", bytes(1500))
    with peer_of(emulator) as peer:
        peer.open(max_frame_size=UInt(512))
        peer.begin(window=3)
        peer.authorize("reviews")
        peer.attach(0, source=READ_0, receives=True)
        peer.flow(0, credit=1, window=2, seen=2)
        parts = []
        for _ in range(2):
            assert peer.receive(Transfer).more
            parts.append(peer.payload)
        peer.flow(echo=True, window=0, seen=4)
        peer.receive(Flow)
        peer.flow(window=100, seen=4)
        while peer.receive(Transfer).more:
            parts.append(peer.payload)
        parts.append(peer.payload)

    assert len(parts) > 3
    assert max(map(len, parts)) < 512
    assert bytes(1500) in b"".join(parts)


def test_message_may_arrive_in_parts_or_be_aborted(emulator, peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    peer.transfer(0, EVENT[:5], more=True)
    peer.transfer(0, b"", more=True, aborted=True)
    peer.transfer(0, EVENT[:5], more=True)
    peer.transfer(0, EVENT[5:])

    assert peer.receive(Disposition).state.descriptor == 0x24
    assert emulator.events_accepted == 1


def test_credit_is_renewed_before_it_is_used_up(peer):
    peer.attach(0, target="reviews/Partitions/0")
    assert peer.receive(Flow).link_credit == CREDIT
    for _ in range(CREDIT // 2 + 1):
        peer.transfer(0, EVENT, settled=True)

    flow = peer.receive(Flow)
    assert (flow.delivery_count, flow.link_credit) == (CREDIT // 2 + 1, CREDIT)


def test_window_is_renewed_before_it_is_used_up(peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    for _ in range(WINDOW // 2 + 1):
        peer.transfer(0, b"x", more=True)

    flow = peer.receive(Flow)
    assert (flow.handle, flow.incoming_window) == (None, WINDOW)


def test_settled_message_gets_no_disposition(emulator, peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    peer.transfer(0, EVENT, settled=True)
    peer.flow(echo=True)
    peer.receive(Flow)

    assert emulator.events_accepted == 1


def test_invalid_message_is_rejected_with_a_reason(emulator, peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    for payload in (b"\x00\x53\x99\x40", b"text", EVENT[:-1], encode_described(0x72, "no map")):
        peer.transfer(0, payload)
        state = peer.receive(Disposition).state
        assert (state.descriptor, state.value[0].value[0]) == (0x25, "amqp:decode-error")
    peer.transfer(0, EVENT, message_format=UInt(0x80013700))
    assert peer.receive(Disposition).state.descriptor == 0x25

    assert emulator.events_accepted == 0


def test_too_large_message_ends_its_link_before_it_is_complete(peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    for _ in range(18):
        peer.transfer(0, bytes(60_000), more=True)

    detach = peer.receive(Detach)
    assert detach.error.value[0] == "amqp:link:message-size-exceeded"


@pytest.mark.parametrize("message_id", [None, "text", b"bytes", ULong(7), UUID(int=7)])
def test_response_carries_the_message_id_of_its_request(peer, message_id):
    peer.transfer(100, request(message_id, "no token", name="reviews"), settled=True)
    peer.receive(Transfer)

    correlation_id, status, _ = read_response(peer.payload)
    assert (correlation_id, type(correlation_id), status) == (message_id, type(message_id), 401)


@pytest.mark.parametrize(
    ("properties", "status"),
    [
        ({"operation": "READ", "type": "com.microsoft:eventhub", "name": "reviews"}, 200),
        ({"operation": "READ", "type": "com.microsoft:eventhub", "name": "audit"}, 401),
        ({"operation": "READ", "type": "com.microsoft:colour", "name": "reviews"}, 400),
        ({"operation": "DELETE", "type": "com.microsoft:eventhub", "name": "reviews"}, 400),
        ({}, 401),
    ],
)
def test_management_request_gets_its_status(peer, properties, status):
    peer.attach(0, target="$management", source="$management")
    peer.receive(Flow)
    peer.attach(1, source="$management", target="$management", receives=True)
    peer.flow(1, credit=10, seen=2)
    peer.transfer(0, request("q", None, **properties), settled=True)
    peer.receive(Transfer)

    assert read_response(peer.payload)[1] == status


@pytest.mark.parametrize(
    ("options", "condition"),
    [
        ({"target": "audit"}, "amqp:unauthorized-access"),
        ({"source": READ_0.replace("reviews", "audit"), "receives": True}, "unauthorized-access"),
        ({"target": "reviews/Partitions/7"}, "com.microsoft:argument-out-of-range"),
        ({"source": READ_0.replace("/0", "/7"), "receives": True}, "argument-out-of-range"),
        ({"target": "reviews/nonsense"}, "amqp:not-found"),
        ({"target": ""}, "amqp:not-found"),
        ({"target": None}, "amqp:not-found"),
        ({"source": "reviews", "receives": True}, "amqp:not-found"),
    ],
)
def test_invalid_link_is_attached_and_detached_with_a_reason(peer, options, condition):
    peer.attach(0, **options)

    detach = peer.receive(Detach)
    assert detach.closed
    assert condition in detach.error.value[0]


def test_ends_of_links_sessions_and_connections_are_confirmed(emulator, peer):
    peer.attach(0, source=READ_0, receives=True)
    peer.send(Detach(handle=UInt(0), closed=True))
    assert peer.receive(Detach) == Detach(handle=UInt(0), closed=True)
    assert emulator.receivers("reviews", "0") == 0
    peer.attach(0, source=READ_0, receives=True)
    peer.send(End())
    peer.receive(End)
    assert emulator.receivers("reviews", "0") == 0
    peer.send(Close())
    assert peer.receive(Close).error is None
    assert peer.is_cut_off()


def test_connections_are_dropped_immediately(emulator, peer):
    emulator.drop_connections()

    assert peer.is_cut_off()


def test_connections_are_dropped_after_the_given_number_of_events(emulator, peer):
    emulator.append("reviews", "0", *[b"x"] * 10)
    emulator.drop_connections(after_events=4)
    peer.attach(0, source=READ_0, receives=True)
    peer.flow(0, credit=10, seen=2)

    assert numbers_of(peer, 4) == [0, 1, 2, 3]
    assert peer.is_cut_off()
    with peer_of(emulator) as other:
        other.open()


def test_recreated_hub_has_a_later_creation_time_within_a_millisecond(emulator, peer, monkeypatch):
    monkeypatch.setattr(log, "_now", lambda: 5)
    peer.attach(0, target="$management", source="$management")
    peer.receive(Flow)
    peer.attach(1, source="$management", target="$management", receives=True)
    peer.flow(1, credit=10, seen=2)
    created = []
    for _ in range(3):
        question = {"operation": "READ", "type": "com.microsoft:eventhub", "name": "reviews"}
        peer.transfer(0, request("q", None, **question), settled=True)
        peer.receive(Transfer)
        created.append(read_response(peer.payload)[2]["created_at"])
        emulator.recreate("reviews")

    assert created[0] < created[1] < created[2]


def test_disconnected_peer_is_no_receiver(emulator, peer):
    peer.attach(0, source=READ_0, receives=True)
    assert emulator.receivers("reviews", "0") == 1
    peer.socket.close()

    emulator.wait_for_receivers("reviews", "0", count=0)


def test_heartbeats_are_sent_within_the_idle_time_of_the_peer(emulator):
    with peer_of(emulator) as peer:
        peer.open(idle_time_out=UInt(60))

        assert peer.read(8) == bytes.fromhex("0000000802000000")


def test_peer_may_omit_the_sasl_layer(emulator):
    peer = Peer(emulator)
    with peer.socket:
        peer.socket.sendall(AMQP_HEADER)
        assert peer.read(8) == AMQP_HEADER
        peer.open()


@pytest.mark.parametrize("header", [b"AMQP\0\0\x09\x01", b"AMQP\x02\1\0\0", b"GET / HT"])
def test_unknown_protocol_is_answered_with_the_amqp_header(emulator, header):
    peer = Peer(emulator)
    with peer.socket:
        peer.socket.sendall(header)
        assert peer.read(8) == AMQP_HEADER
        assert peer.is_cut_off()


def test_unknown_sasl_mechanism_is_rejected(emulator):
    peer = Peer(emulator)
    with peer.socket:
        peer.socket.sendall(SASL_HEADER)
        peer.read(8)
        peer.receive(SaslMechanisms)
        peer.send(SaslInit(mechanism=Symbol("PLAIN")))
        assert peer.receive(SaslOutcome).outcome == 1
        assert peer.is_cut_off()
