"""Readers of a partition: up to five per consumer group, or one that claims it by its epoch."""

from typing import Protocol

from amazon_reviews.devtools.event_hub_emulator.errors import LINK_STOLEN, RESOURCE_LIMIT, AmqpError

MAX_READERS = 5


class Reader(Protocol):
    """A link that reads; without an epoch it shares the partition with other readers."""

    @property
    def group(self) -> str:
        """The consumer group, in lower case."""

    @property
    def epoch(self) -> int | None:
        """The epoch with which the reader claims the partition, if any."""

    def wake(self) -> None:
        """Look for new events."""

    def detach(self, condition: str, text: str) -> None:
        """End the link."""


class Readers:
    """The readers of a partition."""

    def __init__(self) -> None:
        self._readers: list[Reader] = []

    def admit(self, reader: Reader) -> None:
        """Add `reader`; a reader with an epoch detaches the others of its group.

        Raises:
            AmqpError: A reader with a higher epoch is connected, or too many readers are.
        """
        others = self.of(reader.group)
        highest = max((other.epoch for other in others if other.epoch is not None), default=None)
        if highest is not None and (reader.epoch is None or reader.epoch < highest):
            raise AmqpError(
                LINK_STOLEN,
                f"a receiver with epoch {reader.epoch} cannot be created: "
                f"one with epoch {highest} is connected",
            )
        if reader.epoch is None and len(others) >= MAX_READERS:
            raise AmqpError(
                RESOURCE_LIMIT, f"{MAX_READERS} receivers of the consumer group are connected"
            )
        self._readers.append(reader)
        for other in others if reader.epoch is not None else ():
            other.detach(
                LINK_STOLEN, f"a receiver with epoch {reader.epoch} took over from {other.epoch}"
            )

    def remove(self, reader: Reader) -> None:
        """Remove `reader` if it was admitted."""
        if reader in self._readers:
            self._readers.remove(reader)

    def of(self, group: str) -> list[Reader]:
        """Return the readers of a consumer group, whose name is in lower case."""
        return [reader for reader in self._readers if reader.group == group]

    def all(self) -> list[Reader]:
        """Return the readers of all consumer groups."""
        return list(self._readers)

    def wake(self) -> None:
        """Tell all readers to look for new events."""
        for reader in self._readers:
            reader.wake()
