"""Peers that violate the protocol: their connection ends, the others continue."""

import random

import pytest
from azure.eventhub import EventData

from amazon_reviews.devtools.event_hub_emulator.connection import AMQP_HEADER, SASL_HEADER
from amazon_reviews.devtools.event_hub_emulator.frames import encode_frame
from amazon_reviews.devtools.event_hub_emulator.performatives import (
    Attach,
    Begin,
    Close,
    Disposition,
    End,
    Flow,
    Open,
    SaslInit,
    Transfer,
)
from amazon_reviews.devtools.event_hub_emulator.values import Described, Symbol, UInt, ULong
from amazon_reviews_tests.event_hub_emulator.raw import EVENT, READ_0, Peer, peer_of

BEGIN = Begin(next_outgoing_id=UInt(0), incoming_window=UInt(9), outgoing_window=UInt(9))
ATTACH = Attach(name="n", handle=UInt(0), role=True, source=Described(ULong(0x28), [READ_0]))
HOSTILE = {
    "no open": encode_frame(0, BEGIN),
    "tiny frames": encode_frame(0, Open(container_id="c", max_frame_size=UInt(9))),
    "a giant frame": b"\xff" * 8,
    "a frame without a size": bytes(8),
    "an invalid body": bytes.fromhex("0000000c02000000ffffffff"),
    "depth": (8 + 60_000).to_bytes(4, "big") + bytes.fromhex("02000000") + bytes(60_000),
}
OPENED = {
    "open again": encode_frame(0, Open(container_id="c")),
    "no session": encode_frame(0, ATTACH),
    "end of no session": encode_frame(3, End()),
    "a channel too many": encode_frame(256, BEGIN),
    "the same channel twice": encode_frame(0, BEGIN) * 2,
    "the same handle twice": encode_frame(0, BEGIN) + encode_frame(0, ATTACH) * 2,
    "a handle too many": encode_frame(0, BEGIN)
    + encode_frame(0, Attach(name="n", handle=UInt(256), role=True)),
    "a frame of the other layer": encode_frame(0, SaslInit(mechanism=Symbol("x"))),
}


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
def test_protocol_violation_ends_its_connection_with_a_reason(emulator, peer, octets):
    with peer_of(emulator) as hostile:
        hostile.socket.sendall(octets)

        assert hostile.receive(Close).error.value[0] == "amqp:decode-error"
        assert hostile.is_cut_off()
    still_serves(emulator, peer)


@pytest.mark.parametrize("octets", OPENED.values(), ids=OPENED)
def test_protocol_violation_ends_an_open_connection_with_a_reason(emulator, peer, octets):
    with peer_of(emulator) as hostile:
        hostile.open()
        hostile.socket.sendall(octets)

        assert hostile.receive_until(Close).error.value[0] == "amqp:decode-error"
        assert hostile.is_cut_off()
    still_serves(emulator, peer)


@pytest.mark.parametrize(
    ("link", "transfer"),
    [
        ({"target": "reviews"}, Transfer(handle=UInt(0))),
        ({"source": READ_0, "receives": True}, Transfer(handle=UInt(0), delivery_id=UInt(1))),
    ],
)
def test_invalid_transfer_ends_the_connection(peer, link, transfer):
    peer.attach(0, **link)
    peer.send(transfer, EVENT)

    assert peer.receive_until(Close).error.value[0] == "amqp:decode-error"


def still_serves(emulator, peer):
    """Assert that a peer that connected before can still publish."""
    accepted = emulator.events_accepted
    peer.attach(50, target="reviews/Partitions/0")
    peer.receive(Flow)
    peer.transfer(50, EVENT)
    assert peer.receive(Disposition).state.descriptor == 0x24
    assert emulator.events_accepted == accepted + 1


def test_random_bytes_and_truncated_frames_do_not_affect_other_clients(emulator, peer, producer):
    draws = random.Random(5)
    whole = b"".join(
        [
            SASL_HEADER,
            encode_frame(0, SaslInit(mechanism=Symbol("ANONYMOUS"))),
            AMQP_HEADER,
            encode_frame(0, Open(container_id="c")),
            encode_frame(0, BEGIN),
            encode_frame(0, ATTACH),
        ]
    )
    for _ in range(60):
        changed = bytearray(whole[: draws.randrange(1, len(whole))])
        for _ in range(draws.randrange(4)):
            changed[draws.randrange(len(changed))] = draws.randrange(256)
        for octets in (changed, draws.randbytes(50), whole + draws.randbytes(50)):
            hostile = Peer(emulator)
            with hostile.socket:
                hostile.socket.sendall(octets)

    still_serves(emulator, peer)
    producer().send_event(EventData("from an ordinary client"))
