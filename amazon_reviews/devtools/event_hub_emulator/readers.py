"""Who reads a partition: by consumer group, five at most, or one that claims it by its epoch."""

from typing import Protocol

from amazon_reviews.devtools.event_hub_emulator.refusal import LINK_STOLEN, RESOURCE_LIMIT, Refusal

MAX_READERS = 5


class Reader(Protocol):
    """A link that reads; without an epoch it shares the partition with others."""

    @property
    def group(self) -> str:
        """Its consumer group, in small letters."""

    @property
    def epoch(self) -> int | None:
        """The claim that it has, if any."""

    def wake(self) -> None:
        """There is something new to read."""

    def detach(self, condition: str, text: str) -> None:
        """End the link."""


class Readers:
    """The readers of a partition."""

    def __init__(self) -> None:
        self._readers: list[Reader] = []

    def admit(self, reader: Reader) -> None:
        """Let `reader` read; one with an epoch drives away the others of its group.

        Raises:
            Refusal: one with a higher epoch reads, or too many do.
        """
        others = self.of(reader.group)
        highest = max((other.epoch for other in others if other.epoch is not None), default=None)
        if highest is not None and (reader.epoch is None or reader.epoch < highest):
            raise Refusal(
                LINK_STOLEN,
                f"a receiver with epoch {reader.epoch} cannot be created: "
                f"one with epoch {highest} is connected",
            )
        if reader.epoch is None and len(others) >= MAX_READERS:
            raise Refusal(
                RESOURCE_LIMIT, f"{MAX_READERS} receivers of the consumer group are connected"
            )
        self._readers.append(reader)
        for other in others if reader.epoch is not None else ():
            other.detach(
                LINK_STOLEN, f"a receiver with epoch {reader.epoch} took over from {other.epoch}"
            )

    def remove(self, reader: Reader) -> None:
        """Forget `reader`, if it is there."""
        if reader in self._readers:
            self._readers.remove(reader)

    def of(self, group: str) -> list[Reader]:
        """The readers of a consumer group, in small letters."""
        return [reader for reader in self._readers if reader.group == group]

    def all(self) -> list[Reader]:
        """The readers of every consumer group."""
        return list(self._readers)

    def wake(self) -> None:
        """Tell all of them that there is something new to read."""
        for reader in self._readers:
            reader.wake()
