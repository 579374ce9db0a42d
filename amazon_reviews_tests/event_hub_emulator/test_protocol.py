"""What the clients do not show: credit, windows, answers, refusals, the handshake."""

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
    answer,
    peer_of,
    request,
)


def numbers_of(peer, count):
    """Sequence numbers of the next `count` events."""
    found = []
    for _ in range(count):
        peer.receive(Transfer)
        found.append(read_message(peer.payload).annotations["x-opt-sequence-number"])
    return found


def test_no_more_is_sent_than_there_is_credit_for(server, peer):
    server.append("reviews", "0", *[b"x"] * 10)
    peer.attach(0, source=READ_0, receives=True)
    peer.flow(0, credit=3, seen=2)
    assert numbers_of(peer, 3) == [0, 1, 2]

    peer.flow(echo=True, seen=5)
    peer.receive(Flow)
    peer.flow(0, credit=2, count=3, seen=5)
    assert numbers_of(peer, 2) == [3, 4]


def test_a_lower_epoch_is_refused_and_a_higher_one_takes_over(server, peer):
    told = []
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
            told.append(peer.receive_until(Detach))

    assert [detach.handle for detach in told] == [1, 2, 0]
    assert {detach.error.value[0] for detach in told} == {"amqp:link:stolen"}
    assert server.receivers("reviews", "0") == 1


def test_a_hub_made_again_keeps_its_groups(server):
    server.recreate("audit")
    with peer_of(server) as peer:
        peer.open()
        peer.begin()
        peer.authorize("audit")
        source = "audit/ConsumerGroups/ETL/Partitions/0"
        peer.attach(0, source=source, receives=True)
        assert server.receivers("audit", "0", "etl") == 1
        peer.attach(1, source=source.replace("ETL", "nosuch"), receives=True)
        assert peer.receive(Detach).error.value[0] == "amqp:not-found"


def test_credit_that_is_drained_is_used_up(server, peer):
    server.append("reviews", "0", b"x")
    peer.attach(0, source=READ_0, receives=True)
    peer.flow(0, credit=10, seen=2, drain=True)

    assert numbers_of(peer, 1) == [0]
    drained = peer.receive(Flow)
    assert (drained.delivery_count, drained.link_credit) == (10, 0)


def test_a_message_is_cut_to_the_frames_and_the_window_of_the_peer(server):
    server.append("reviews", "0", bytes(1500))
    with peer_of(server) as peer:
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


def test_a_message_may_come_in_parts_or_be_broken_off(server, peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    peer.transfer(0, EVENT[:5], more=True)
    peer.transfer(0, b"", more=True, aborted=True)
    peer.transfer(0, EVENT[:5], more=True)
    peer.transfer(0, EVENT[5:])

    assert peer.receive(Disposition).state.descriptor == 0x24
    assert server.events_accepted == 1


def test_credit_is_given_again_before_it_is_used_up(peer):
    peer.attach(0, target="reviews/Partitions/0")
    assert peer.receive(Flow).link_credit == CREDIT
    for _ in range(CREDIT // 2 + 1):
        peer.transfer(0, EVENT, settled=True)

    flow = peer.receive(Flow)
    assert (flow.delivery_count, flow.link_credit) == (CREDIT // 2 + 1, CREDIT)


def test_the_window_is_opened_again_before_it_is_used_up(peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    for _ in range(WINDOW // 2 + 1):
        peer.transfer(0, b"x", more=True)

    flow = peer.receive(Flow)
    assert (flow.handle, flow.incoming_window) == (None, WINDOW)


def test_a_settled_message_is_not_settled_again(server, peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    peer.transfer(0, EVENT, settled=True)
    peer.flow(echo=True)
    peer.receive(Flow)

    assert server.events_accepted == 1


def test_what_is_no_message_is_rejected_with_a_reason(server, peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    for payload in (b"\x00\x53\x99\x40", b"text", EVENT[:-1], encode_described(0x72, "no map")):
        peer.transfer(0, payload)
        state = peer.receive(Disposition).state
        assert (state.descriptor, state.value[0].value[0]) == (0x25, "amqp:decode-error")
    peer.transfer(0, EVENT, message_format=UInt(0x80013700))
    assert peer.receive(Disposition).state.descriptor == 0x25

    assert server.events_accepted == 0


def test_a_message_that_is_too_large_ends_its_link_before_it_has_come_whole(peer):
    peer.attach(0, target="reviews/Partitions/0")
    peer.receive(Flow)
    for _ in range(18):
        peer.transfer(0, bytes(60_000), more=True)

    detach = peer.receive(Detach)
    assert detach.error.value[0] == "amqp:link:message-size-exceeded"


@pytest.mark.parametrize("number", [None, "text", b"bytes", ULong(7), UUID(int=7)])
def test_an_answer_carries_the_number_of_its_request(peer, number):
    peer.transfer(100, request(number, "no token", name="reviews"), settled=True)
    peer.receive(Transfer)

    found, status, _ = answer(peer.payload)
    assert (found, type(found), status) == (number, type(number), 401)


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
def test_questions_to_the_management(peer, properties, status):
    peer.attach(0, target="$management", source="$management")
    peer.receive(Flow)
    peer.attach(1, source="$management", target="$management", receives=True)
    peer.flow(1, credit=10, seen=2)
    peer.transfer(0, request("q", None, **properties), settled=True)
    peer.receive(Transfer)

    assert answer(peer.payload)[1] == status


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
def test_a_link_that_may_not_be_is_attached_and_detached_with_a_reason(peer, options, condition):
    peer.attach(0, **options)

    detach = peer.receive(Detach)
    assert detach.closed
    assert condition in detach.error.value[0]


def test_links_sessions_and_connections_are_ended_with_an_answer(server, peer):
    peer.attach(0, source=READ_0, receives=True)
    peer.send(Detach(handle=UInt(0), closed=True))
    assert peer.receive(Detach) == Detach(handle=UInt(0), closed=True)
    assert server.receivers("reviews", "0") == 0
    peer.attach(0, source=READ_0, receives=True)
    peer.send(End())
    peer.receive(End)
    assert server.receivers("reviews", "0") == 0
    peer.send(Close())
    assert peer.receive(Close).error is None
    assert peer.is_cut_off()


def test_connections_are_dropped_at_once(server, peer):
    server.drop_connections()

    assert peer.is_cut_off()


def test_connections_are_dropped_after_exactly_so_many_events(server, peer):
    server.append("reviews", "0", *[b"x"] * 10)
    server.drop_connections(after_events=4)
    peer.attach(0, source=READ_0, receives=True)
    peer.flow(0, credit=10, seen=2)

    assert numbers_of(peer, 4) == [0, 1, 2, 3]
    assert peer.is_cut_off()
    with peer_of(server) as other:
        other.open()


def test_a_hub_made_again_was_created_later_even_within_a_millisecond(server, peer, monkeypatch):
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
        created.append(answer(peer.payload)[2]["created_at"])
        server.recreate("reviews")

    assert created[0] < created[1] < created[2]


def test_a_peer_that_goes_away_is_no_receiver_any_more(server, peer):
    peer.attach(0, source=READ_0, receives=True)
    assert server.receivers("reviews", "0") == 1
    peer.socket.close()

    server.wait_for_receivers("reviews", "0", count=0)


def test_a_peer_hears_something_as_often_as_it_wants_to(server):
    with peer_of(server) as peer:
        peer.open(idle_time_out=UInt(60))

        assert peer.read(8) == bytes.fromhex("0000000802000000")


def test_a_peer_may_leave_the_sasl_layer_out(server):
    peer = Peer(server)
    with peer.socket:
        peer.socket.sendall(AMQP_HEADER)
        assert peer.read(8) == AMQP_HEADER
        peer.open()


@pytest.mark.parametrize("header", [b"AMQP\0\0\x09\x01", b"AMQP\x02\1\0\0", b"GET / HT"])
def test_another_protocol_is_answered_with_the_one_spoken_here(server, header):
    peer = Peer(server)
    with peer.socket:
        peer.socket.sendall(header)
        assert peer.read(8) == AMQP_HEADER
        assert peer.is_cut_off()


def test_another_mechanism_is_refused(server):
    peer = Peer(server)
    with peer.socket:
        peer.socket.sendall(SASL_HEADER)
        peer.read(8)
        peer.receive(SaslMechanisms)
        peer.send(SaslInit(mechanism=Symbol("PLAIN")))
        assert peer.receive(SaslOutcome).outcome == 1
        assert peer.is_cut_off()
