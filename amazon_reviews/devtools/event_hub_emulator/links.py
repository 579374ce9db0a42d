"""Links of a session: assembly of deliveries, their settlement, and flow control by credit."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from amazon_reviews.devtools.event_hub_emulator.errors import (
    DECODE_ERROR,
    MESSAGE_TOO_LARGE,
    AmqpError,
    MalformedError,
    encode_error,
)
from amazon_reviews.devtools.event_hub_emulator.namespace import Namespace
from amazon_reviews.devtools.event_hub_emulator.performatives import (
    Attach,
    Detach,
    Disposition,
    Flow,
    Performative,
    Transfer,
)
from amazon_reviews.devtools.event_hub_emulator.sas import Grants
from amazon_reviews.devtools.event_hub_emulator.values import Described, UInt, ULong

MAX_MESSAGE = 1_048_576
CREDIT = 300
MODULUS = 1 << 32
_ACCEPTED = Described(ULong(0x24), [])
_REJECTED = ULong(0x25)


def serial_distance(start: int, end: int) -> int:
    """Return the distance from the 32-bit serial number `start` to `end`; 0 if `end` is behind."""
    distance = (end - start) % MODULUS
    return distance if distance < MODULUS // 2 else 0


class LinkSession(Protocol):
    """The part of a session that its links use."""

    namespace: Namespace
    grants: Grants

    def links(self) -> "list[Link]":
        """Return the attached links."""

    def send(self, performative: Performative, payload: bytes = b"") -> None:
        """Send a frame."""

    def send_flow(self, link: "Link | None" = None) -> None:
        """Send the window and, with a link, its credit."""

    async def deliver(self, link: "Outgoing", message: bytes) -> None:
        """Send a message in one frame or more."""


class Link:
    """One end of a link; the base class itself serves a rejected link until its detach."""

    def __init__(self, session: LinkSession, attach: Attach) -> None:
        self.session = session
        self.handle = attach.handle
        self.ended = False
        self.credit = 0
        self.delivery_count = 0

    def start(self) -> None:
        """Begin the link's work, after the answer to its attach."""

    def end(self) -> None:
        """End the link's work."""
        self.ended = True

    def detach(self, condition: str, text: str) -> None:
        """End the link and send the peer the reason."""
        self.end()
        error = encode_error(condition, text)
        self.session.send(Detach(handle=self.handle, closed=True, error=error))

    def flow(self, flow: Flow) -> None:
        """Handle a flow that the peer sends for the link."""

    def transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Handle a delivery, or a part of it.

        Raises:
            MalformedError: The transfer belongs to no delivery, or the peer is the receiver.
        """
        raise MalformedError("a transfer on a link that the peer receives on")


@dataclass(slots=True)
class _Delivery:
    """The received parts of a message; `size` is in bytes."""

    number: UInt
    message_format: int
    settled: bool = False
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class Incoming(Link, ABC):
    """A link that the peer sends on."""

    def __init__(self, session: LinkSession, attach: Attach) -> None:
        super().__init__(session, attach)
        self._delivery: _Delivery | None = None

    @abstractmethod
    def accept(self, message_format: int, encoded: bytes) -> None:
        """Handle a message.

        Raises:
            AmqpError: The link must end.
            MalformedError: The message is not valid.
        """

    def start(self) -> None:
        """Give the peer credit to send."""
        self.credit = CREDIT
        self.session.send_flow(self)

    def transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Handle a delivery, or a part of it.

        Raises:
            MalformedError: The transfer belongs to no delivery.
        """
        if self._delivery is None:
            if transfer.delivery_id is None:
                raise MalformedError("a delivery without an id")
            self._delivery = _Delivery(transfer.delivery_id, transfer.message_format or 0)
        delivery = self._delivery
        delivery.settled |= bool(transfer.settled)
        delivery.size += len(payload)
        delivery.parts.append(payload)
        # Checked before the message is complete, so that memory stays bounded.
        if delivery.size > MAX_MESSAGE:
            self.detach(MESSAGE_TOO_LARGE, f"a message may have {MAX_MESSAGE} bytes at most")
        elif transfer.aborted or not transfer.more:
            self._delivery = None
            self.delivery_count = (self.delivery_count + 1) % MODULUS
            self.credit -= 1
            if not transfer.aborted:
                self._complete(delivery)

    def _complete(self, delivery: _Delivery) -> None:
        state = _ACCEPTED
        try:
            self.accept(delivery.message_format, b"".join(delivery.parts))
        except AmqpError as error:
            self.detach(error.condition, error.text)
            return
        except MalformedError as error:
            # The client passes the error on to its callback, so the link must stay.
            state = Described(_REJECTED, [encode_error(DECODE_ERROR, str(error))])
        if not delivery.settled:
            number = delivery.number
            self.session.send(
                Disposition(role=True, first=number, last=number, settled=True, state=state)
            )
        if self.credit < CREDIT // 2:
            self.start()


class Outgoing(Link, ABC):
    """A link that the peer receives on, as fast as its credit allows."""

    def __init__(self, session: LinkSession, attach: Attach) -> None:
        super().__init__(session, attach)
        self.settled = attach.snd_settle_mode != 0
        self._drain = False
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    def take(self) -> bytes | None:
        """Return the next message to send, if any."""

    def sent(self) -> None:
        """Handle the end of sending a message."""

    def start(self) -> None:
        """Begin to send in the background."""
        self._task = asyncio.create_task(self._send())

    def end(self) -> None:
        """Stop sending."""
        super().end()
        if self._task:
            self._task.cancel()

    def flow(self, flow: Flow) -> None:
        """Store the peer's credit."""
        if flow.link_credit is not None:
            limit = (flow.delivery_count or 0) + flow.link_credit
            self.credit = serial_distance(self.delivery_count, limit)
        self._drain = bool(flow.drain)
        self.wake()

    def wake(self) -> None:
        """Look for messages to send."""
        self._woken.set()

    async def _send(self) -> None:
        with suppress(ConnectionError):
            while not self.ended:
                message = self.take() if self.credit else None
                if message is not None:
                    self._spend(1)
                    await self.session.deliver(self, message)
                    self.sent()
                    continue
                if self._drain and self.credit:
                    self._spend(self.credit)
                    self.session.send_flow(self)
                self._woken.clear()
                await self._woken.wait()

    def _spend(self, credit: int) -> None:
        self.credit -= credit
        self.delivery_count = (self.delivery_count + credit) % MODULUS
