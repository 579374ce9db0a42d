"""A session of a connection: its links by handle, and the windows that pace its transfers."""

import asyncio
import struct
from typing import TYPE_CHECKING

from amazon_reviews.devtools.event_hub_emulator.links import (
    MAX_MESSAGE,
    MODULUS,
    Link,
    Outgoing,
    serial_distance,
)
from amazon_reviews.devtools.event_hub_emulator.nodes import open_link
from amazon_reviews.devtools.event_hub_emulator.performatives import (
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Performative,
    Transfer,
)
from amazon_reviews.devtools.event_hub_emulator.refusal import Refusal
from amazon_reviews.devtools.event_hub_emulator.values import Malformed, UInt, ULong, UShort

if TYPE_CHECKING:
    from amazon_reviews.devtools.event_hub_emulator.connection import Connection

MAX_HANDLE = 255
WINDOW = 5000
# More than the bytes of a transfer frame around its payload.
_TRANSFER_BYTES = 64
_FIRST_ID = 1


class Session:
    """A session that the peer has begun on `channel`."""

    def __init__(self, connection: "Connection", channel: int, begin: Begin) -> None:
        self.connection = connection
        self._channel = channel
        self._links: dict[int, Link] = {}
        self._next_in = int(begin.next_outgoing_id)
        self._left_in = WINDOW
        self._next_out = _FIRST_ID
        self._left_out = int(begin.incoming_window)
        self._opened = asyncio.Event()

    def start(self) -> None:
        """Answer the peer's begin."""
        self.send(
            Begin(
                remote_channel=UShort(self._channel),
                next_outgoing_id=UInt(_FIRST_ID),
                incoming_window=UInt(WINDOW),
                outgoing_window=UInt(WINDOW),
                handle_max=UInt(MAX_HANDLE),
            )
        )

    def end(self) -> None:
        """End the work of all links."""
        for link in self._links.values():
            link.end()

    def links(self) -> list[Link]:
        """The links that are attached."""
        return [link for link in self._links.values() if not link.ended]

    def send(self, performative: Performative, payload: bytes = b"") -> None:
        """Send a frame."""
        self.connection.send(self._channel, performative, payload)

    def receive(self, performative: Performative, payload: bytes) -> None:
        """Do what a frame asks for.

        Raises:
            Malformed: it has no place in a session.
        """
        match performative:
            case Transfer():
                self._transfer(performative, payload)
            case Flow():
                self._flow(performative)
            case Attach():
                self._attach(performative)
            case Detach():
                self._detach(performative)
            case Disposition():
                pass
            case _:
                raise Malformed(f"{type(performative).__name__} within a session")

    def send_flow(self, link: Link | None = None) -> None:
        """Open the window again; with a link, tell its credit too."""
        self._left_in = WINDOW
        flow = Flow(
            next_incoming_id=UInt(self._next_in),
            incoming_window=UInt(WINDOW),
            next_outgoing_id=UInt(self._next_out),
            outgoing_window=UInt(WINDOW),
        )
        if link is not None:
            flow.handle = link.handle
            flow.delivery_count = UInt(link.delivery_count)
            flow.link_credit = UInt(max(0, link.credit))
            flow.drain = False
        self.send(flow)

    async def deliver(self, link: Outgoing, message: bytes) -> None:
        """Send a message, in as many frames as it needs, when the peer's window allows."""
        number = UInt(self._next_out)
        room = self.connection.peer_max_frame - _TRANSFER_BYTES
        for at in range(0, len(message), room):
            while not self._left_out:
                self._opened.clear()
                await self._opened.wait()
            frame = Transfer(
                handle=link.handle,
                delivery_id=number,
                delivery_tag=struct.pack(">I", number),
                message_format=UInt(0),
                settled=link.settled,
                more=at + room < len(message),
            )
            self.send(frame, message[at : at + room])
            self._next_out = (self._next_out + 1) % MODULUS
            self._left_out -= 1
        await self.connection.drain()

    def _transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_in = (self._next_in + 1) % MODULUS
        self._left_in -= 1
        link = self._links.get(transfer.handle)
        if link and not link.ended:
            link.transfer(transfer, payload)
        if self._left_in < WINDOW // 2:
            self.send_flow()

    def _flow(self, flow: Flow) -> None:
        expected = _FIRST_ID if flow.next_incoming_id is None else flow.next_incoming_id
        self._left_out = serial_distance(self._next_out, expected + flow.incoming_window)
        self._opened.set()
        link = None if flow.handle is None else self._links.get(flow.handle)
        if link:
            link.flow(flow)
        if flow.echo:
            self.send_flow(link)

    def _attach(self, attach: Attach) -> None:
        if attach.handle > MAX_HANDLE or attach.handle in self._links:
            raise Malformed(f"the handle {attach.handle} is in use or too large")
        refusal = None
        try:
            link = open_link(self, attach)
        except Refusal as problem:
            link, refusal = Link(self, attach), problem
        self._links[attach.handle] = link
        self.send(_answer(attach))
        if refusal:
            link.detach(refusal.condition, refusal.text)
        else:
            link.start()

    def _detach(self, detach: Detach) -> None:
        link = self._links.pop(detach.handle, None)
        if link and not link.ended:
            link.end()
            self.send(Detach(handle=detach.handle, closed=bool(detach.closed)))


def _answer(attach: Attach) -> Attach:
    """The other end of an attach; the client takes it for a refusal without both its nodes."""
    return Attach(
        name=attach.name,
        handle=attach.handle,
        role=not attach.role,
        snd_settle_mode=attach.snd_settle_mode,
        rcv_settle_mode=attach.rcv_settle_mode,
        source=attach.source,
        target=attach.target,
        initial_delivery_count=UInt(0) if attach.role else None,
        max_message_size=ULong(MAX_MESSAGE),
    )
