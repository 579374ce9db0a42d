"""A connection of a client: handshake, frames, sessions."""

import asyncio
from contextlib import suppress

from amazon_reviews.devtools.event_hub_emulator.frames import (
    HEARTBEAT,
    MAX_FRAME,
    encode_frame,
    read_frame,
)
from amazon_reviews.devtools.event_hub_emulator.namespace import Namespace
from amazon_reviews.devtools.event_hub_emulator.performatives import (
    Begin,
    Close,
    End,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
)
from amazon_reviews.devtools.event_hub_emulator.refusal import DECODE_ERROR, error
from amazon_reviews.devtools.event_hub_emulator.sas import Grants
from amazon_reviews.devtools.event_hub_emulator.session import Session
from amazon_reviews.devtools.event_hub_emulator.values import (
    Array,
    Malformed,
    Symbol,
    UByte,
    UInt,
    UShort,
)

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
MAX_CHANNEL = 255
IDLE_MILLISECONDS = 240_000
_MECHANISMS = ("MSSBCBS", "ANONYMOUS", "EXTERNAL")
_SMALLEST_FRAME = 512
_LARGEST_FRAME = 1 << 20


class Connection:
    """A client's connection, from the handshake to its end."""

    def __init__(
        self, namespace: Namespace, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.namespace = namespace
        self.grants = Grants()
        self.peer_max_frame = _SMALLEST_FRAME
        self._reader = reader
        self._writer = writer
        self._sessions: dict[int, Session] = {}
        self._heartbeat: asyncio.Task[None] | None = None
        self._silent = False

    async def serve(self) -> None:
        """Do what the client asks for until it closes, or sends what is no AMQP."""
        self.namespace.peers.add(self)
        try:
            await self._converse()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except ValueError as problem:
            self.send(0, Close(error=error(DECODE_ERROR, str(problem))))
        finally:
            self.namespace.peers.discard(self)
            for session in self._sessions.values():
                session.end()
            if self._heartbeat:
                self._heartbeat.cancel()
            self._writer.close()

    def send(self, channel: int, performative: Performative, payload: bytes = b"") -> None:
        """Send a frame."""
        self._write(encode_frame(channel, performative, payload))

    async def drain(self) -> None:
        """Wait until the client has taken enough of what was sent.

        Raises:
            ConnectionError: the connection is gone.
        """
        await self._writer.drain()

    def drop(self, flush: bool) -> None:
        """Break the connection off, after what was sent has gone out or at once."""
        self._silent = True
        if not flush:
            self._writer.transport.abort()
        elif self._writer.can_write_eof():
            self._writer.write_eof()
        else:
            self._writer.close()

    def _write(self, octets: bytes) -> None:
        if not self._silent:
            self._writer.write(octets)

    async def _converse(self) -> None:
        if not await self._shake_hands():
            return
        self._open((await read_frame(self._reader)).performative)
        while True:
            channel, performative, payload = await read_frame(self._reader)
            match performative:
                case Begin():
                    self._begin(channel, performative)
                case End():
                    self._session(channel).end()
                    del self._sessions[channel]
                    self.send(channel, End())
                case Close():
                    self.send(0, Close())
                    return
                case Performative():
                    self._session(channel).receive(performative, payload)
            await self.drain()

    async def _shake_hands(self) -> bool:
        """Agree on the protocol; False where the client wants another one."""
        header = await self._reader.readexactly(len(AMQP_HEADER))
        if header == SASL_HEADER:
            self._write(SASL_HEADER)
            self.send(0, SaslMechanisms(mechanisms=Array(map(Symbol, _MECHANISMS))))
            chosen = (await read_frame(self._reader)).performative
            known = isinstance(chosen, SaslInit) and chosen.mechanism in _MECHANISMS
            self.send(0, SaslOutcome(outcome=UByte(not known)))
            if not known:
                return False
            header = await self._reader.readexactly(len(AMQP_HEADER))
        self._write(AMQP_HEADER)
        return header == AMQP_HEADER

    def _open(self, opening: Performative | None) -> None:
        if not isinstance(opening, Open):
            raise Malformed("a connection that is not opened first")
        largest = _LARGEST_FRAME if opening.max_frame_size is None else opening.max_frame_size
        if largest < _SMALLEST_FRAME:
            raise Malformed(f"frames of {largest} bytes are too small")
        self.peer_max_frame = min(largest, _LARGEST_FRAME)
        self.send(
            0,
            Open(
                container_id="amazon-reviews-event-hub",
                max_frame_size=UInt(MAX_FRAME),
                channel_max=UShort(MAX_CHANNEL),
                idle_time_out=UInt(IDLE_MILLISECONDS),
            ),
        )
        if opening.idle_time_out:
            self._heartbeat = asyncio.create_task(self._beat(opening.idle_time_out / 1000))

    async def _beat(self, idle: float) -> None:
        """Send something at least every `idle` seconds, with time to spare."""
        with suppress(ConnectionError):
            while True:
                await asyncio.sleep(idle / 3)
                self._write(HEARTBEAT)
                await self.drain()

    def _begin(self, channel: int, begin: Begin) -> None:
        if channel > MAX_CHANNEL or channel in self._sessions:
            raise Malformed(f"the channel {channel} is in use or too large")
        self._sessions[channel] = Session(self, channel, begin)
        self._sessions[channel].start()

    def _session(self, channel: int) -> Session:
        if channel not in self._sessions:
            raise Malformed(f"no session on the channel {channel}")
        return self._sessions[channel]
