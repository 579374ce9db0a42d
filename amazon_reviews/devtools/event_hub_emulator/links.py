"""Links of a session: how deliveries are put together, settled and paid for with credit."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amazon_reviews.devtools.event_hub_emulator.performatives import (
    Attach,
    Detach,
    Disposition,
    Flow,
    Transfer,
)
from amazon_reviews.devtools.event_hub_emulator.refusal import (
    DECODE_ERROR,
    MESSAGE_TOO_LARGE,
    Refusal,
    error,
)
from amazon_reviews.devtools.event_hub_emulator.values import Described, Malformed, UInt, ULong

if TYPE_CHECKING:
    from amazon_reviews.devtools.event_hub_emulator.session import Session

MAX_MESSAGE = 1_048_576
CREDIT = 300
MODULUS = 1 << 32
_ACCEPTED = Described(ULong(0x24), [])
_REJECTED = ULong(0x25)


def serial_distance(start: int, end: int) -> int:
    """How far the 32-bit serial number `end` is ahead of `start`; 0 where it is behind."""
    distance = (end - start) % MODULUS
    return distance if distance < MODULUS // 2 else 0


class Link:
    """One end of a link; used as it is for a link that is refused."""

    def __init__(self, session: "Session", attach: Attach) -> None:
        self.session = session
        self.handle = attach.handle
        self.ended = False
        self.credit = 0
        self.delivery_count = 0

    def start(self) -> None:
        """Begin the link's work, after its attach was answered."""

    def end(self) -> None:
        """End the link's work."""
        self.ended = True

    def detach(self, condition: str, text: str) -> None:
        """End the link and tell the peer why."""
        self.end()
        self.session.send(Detach(handle=self.handle, closed=True, error=error(condition, text)))

    def flow(self, flow: Flow) -> None:
        """Take note of what the peer says of the link."""

    def transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Take a delivery, or a part of one.

        Raises:
            Malformed: there is no delivery that it can be, or the peer is the one to receive.
        """
        raise Malformed("a transfer on a link to receive from")


@dataclass(slots=True)
class _Delivery:
    """What has come of a message; `size` is in bytes."""

    number: UInt
    message_format: int
    settled: bool
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class Incoming(Link, ABC):
    """A link that the peer sends on."""

    def __init__(self, session: "Session", attach: Attach) -> None:
        super().__init__(session, attach)
        self._delivery: _Delivery | None = None

    @abstractmethod
    def accept(self, message_format: int, encoded: bytes) -> None:
        """Do what the message asks for.

        Raises:
            Refusal: the link has to end.
            Malformed: there is no such message.
        """

    def start(self) -> None:
        """Let the peer send."""
        self.credit = CREDIT
        self.session.send_flow(self)

    def transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Take a delivery, or a part of one.

        Raises:
            Malformed: there is no delivery that it can be.
        """
        delivery = self._delivery = self._delivery or _begun(transfer)
        delivery.settled |= bool(transfer.settled)
        delivery.size += len(payload)
        delivery.parts.append(payload)
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
        except Refusal as refusal:
            self.detach(refusal.condition, refusal.text)
            return
        except Malformed as problem:
            # The client's callback needs the error.
            state = Described(_REJECTED, [error(DECODE_ERROR, str(problem))])
        if not delivery.settled:
            number = delivery.number
            self.session.send(
                Disposition(role=True, first=number, last=number, settled=True, state=state)
            )
        if self.credit < CREDIT // 2:
            self.start()


def _begun(first: Transfer) -> _Delivery:
    if first.delivery_id is None:
        raise Malformed("a delivery without a number")
    return _Delivery(first.delivery_id, first.message_format or 0, settled=False)


class Outgoing(Link, ABC):
    """A link that the peer receives on, as fast as its credit allows."""

    def __init__(self, session: "Session", attach: Attach) -> None:
        super().__init__(session, attach)
        self.settled = attach.snd_settle_mode != 0
        self._drain = False
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    def take(self) -> bytes | None:
        """The next message to send, if there is one."""

    def sent(self) -> None:
        """Take note that a message was sent."""

    def start(self) -> None:
        """Send in the background."""
        self._task = asyncio.create_task(self._send())

    def end(self) -> None:
        """Stop sending."""
        super().end()
        if self._task:
            self._task.cancel()

    def flow(self, flow: Flow) -> None:
        """Take note of the peer's credit."""
        if flow.link_credit is not None:
            limit = (flow.delivery_count or 0) + flow.link_credit
            self.credit = serial_distance(self.delivery_count, limit)
        self._drain = bool(flow.drain)
        self.wake()

    def wake(self) -> None:
        """Look again for something to send."""
        self._woken.set()

    async def _send(self) -> None:
        with suppress(ConnectionError):
            await self._send_messages()

    async def _send_messages(self) -> None:
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
