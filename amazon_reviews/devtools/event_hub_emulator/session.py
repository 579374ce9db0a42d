"""A session of a connection: its links by handle, and the windows that limit its transfers."""

import asyncio
import struct
from typing import Protocol

from amazon_reviews.devtools.event_hub_emulator.errors import AmqpError, MalformedError
from amazon_reviews.devtools.event_hub_emulator.links import (
    MAX_MESSAGE,
    MODULUS,
    Link,
    Outgoing,
    serial_distance,
)
from amazon_reviews.devtools.event_hub_emulator.namespace import Namespace
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
from amazon_reviews.devtools.event_hub_emulator.sas import Grants
from amazon_reviews.devtools.event_hub_emulator.values import UInt, ULong, UShort

MAX_HANDLE = 255
WINDOW = 5000
# An upper bound of the bytes that a transfer frame adds to its payload.
_TRANSFER_BYTES = 64
_FIRST_ID = 1


class SessionConnection(Protocol):
    """The part of a connection that its sessions use."""

    namespace: Namespace
    grants: Grants
    peer_max_frame: int

    def send(self, channel: int, performative: Performative, payload: bytes = b"") -> None:
        """Send a frame."""

    async def drain(self) -> None:
        """Wait until the client has received enough of the sent frames."""


class Session:
    """A session that the peer opened on `channel`."""

    def __init__(self, connection: SessionConnection, channel: int, begin: Begin) -> None:
        self.namespace = connection.namespace
        self.grants = connection.grants
        self._connection = connection
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
        """Return the attached links."""
        return [link for link in self._links.values() if not link.ended]

    def send(self, performative: Performative, payload: bytes = b"") -> None:
        """Send a frame."""
        self._connection.send(self._channel, performative, payload)

    def receive(self, performative: Performative, payload: bytes) -> None:
        """Handle a frame.

        Raises:
            MalformedError: The frame does not belong in a session.
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
                # Deliveries are stored nowhere else, so their outcome changes nothing.
                pass
            case _:
                raise MalformedError(f"{type(performative).__name__} within a session")

    def send_flow(self, link: Link | None = None) -> None:
        """Reset the window and send it; with a link, send its credit too."""
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
        room = self._connection.peer_max_frame - _TRANSFER_BYTES
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
        await self._connection.drain()

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
            raise MalformedError(f"the handle {attach.handle} is in use or too large")
        rejection = None
        try:
            link = open_link(self, attach)
        except AmqpError as error:
            link, rejection = Link(self, attach), error
        self._links[attach.handle] = link
        # AMQP rejects a link by attaching it and detaching it with the reason. The client ignores
        # the reason if either node is missing from the attach.
        self.send(
            Attach(
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
        )
        if rejection:
            link.detach(rejection.condition, rejection.text)
        else:
            link.start()

    def _detach(self, detach: Detach) -> None:
        link = self._links.pop(detach.handle, None)
        if link and not link.ended:
            link.end()
            self.send(Detach(handle=detach.handle, closed=bool(detach.closed)))
