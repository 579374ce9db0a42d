"""A connection of a client: handshake, frames, sessions."""

import asyncio
from contextlib import suppress

from amazon_reviews.devtools.event_hub_emulator.errors import (
    DECODE_ERROR,
    MalformedError,
    encode_error,
)
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
from amazon_reviews.devtools.event_hub_emulator.sas import Grants
from amazon_reviews.devtools.event_hub_emulator.session import Session
from amazon_reviews.devtools.event_hub_emulator.values import (
    Array,
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
    """Serves a client's connection, from the handshake to its end."""

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
        """Handle frames until the client closes the connection or sends bytes that are not AMQP."""
        self.namespace.peers.add(self)
        try:
            await self._handle_frames()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except ValueError as error:
            self.send(0, Close(error=encode_error(DECODE_ERROR, str(error))))
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
        """Wait until the client has received enough of the sent frames.

        Raises:
            ConnectionError: The connection is closed.
        """
        await self._writer.drain()

    def drop(self, flush: bool) -> None:
        """Drop the connection immediately, or after sending what is buffered."""
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

    async def _handle_frames(self) -> None:
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
        """Agree on the protocol; return False if the client requests another one."""
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
            raise MalformedError("a connection without an open frame at its beginning")
        largest = _LARGEST_FRAME if opening.max_frame_size is None else opening.max_frame_size
        if largest < _SMALLEST_FRAME:
            raise MalformedError(f"frames of {largest} bytes are too small")
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
            self._heartbeat = asyncio.create_task(
                self._send_heartbeats(opening.idle_time_out / 1000)
            )

    async def _send_heartbeats(self, idle: float) -> None:
        """Send a frame more often than every `idle` seconds."""
        with suppress(ConnectionError):
            while True:
                await asyncio.sleep(idle / 3)
                self._write(HEARTBEAT)
                await self.drain()

    def _begin(self, channel: int, begin: Begin) -> None:
        if channel > MAX_CHANNEL or channel in self._sessions:
            raise MalformedError(f"the channel {channel} is in use or too large")
        self._sessions[channel] = Session(self, channel, begin)
        self._sessions[channel].start()

    def _session(self, channel: int) -> Session:
        if channel not in self._sessions:
            raise MalformedError(f"the channel {channel} has no session")
        return self._sessions[channel]
