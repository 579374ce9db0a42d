"""Incidents: what fails now, what of it was announced, and what is still to be delivered.

The state is a value that its owner stores; nothing here reads a clock, sends or stores anything.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel

from amazon_reviews.shown_text import markdown_text, visible_text

_HOUR = 3600.0
_EXAMPLES = 3
_MOST_ATTEMPTS = 8
_MOST_WAITING = 200
_FIRST_WAIT_SECONDS = 60


class Incident(BaseModel):
    """A build or a check of an asset, or of a partition, that fails.

    `check` is empty for a build, `partition` for a whole asset. `since` is in seconds of the epoch.
    """

    asset: str
    partition: str = ""
    check: str = ""
    warning: bool = False
    reason: str
    link: str
    command: str
    since: float
    announced: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """The name of the incident while it lasts."""
        return self.asset, self.partition, self.check


class Message(BaseModel):
    """One alert: one incident, partitions that fail alike, or a summary of several incidents."""

    status: Literal["failed", "warning", "resolved"]
    asset: str
    partitions: list[str]
    check: str
    reason: str
    link: str
    command: str
    since: float
    incidents: int

    @property
    def title(self) -> str:
        """The subject in one line, as Markdown."""
        name = markdown_text(self.asset)
        if self.partitions:
            name += f", {_some(self.partitions)}"
        what = f"check {markdown_text(self.check)}" if self.check else ""
        return ": ".join(filter(None, (self.status, name, what)))

    @property
    def text(self) -> str:
        """The message as Markdown: reason, link and command."""
        lines = [markdown_text(self.reason), self.link]
        if self.status != "resolved" and self.command:
            lines.append(f"Run: {markdown_text(self.command)}")
        return "\n\n".join(filter(None, lines))


def trial_message(now: float) -> Message:
    """Return an alert by which people try a destination."""
    reason = "nothing is wrong: somebody tries this destination"
    trial = Incident(
        asset="test alert", warning=True, reason=reason, link="", command="", since=now
    )
    return _message([trial], ended=False)


class Delivery(BaseModel):
    """A message for one destination, by its number, with the attempts so far."""

    destination: int
    message: Message
    attempts: int = 0
    not_before: float = 0


class Incidents(BaseModel):
    """The state of alerts.

    `ended` are announced incidents that are over. `sent_at` are the times of
    the messages of the last hour. `cursors` are positions in the event log.
    """

    failing: list[Incident] = []
    ended: list[Incident] = []
    deliveries: list[Delivery] = []
    sent_at: list[float] = []
    cursors: dict[str, str] = {}

    def report(self, incident: Incident) -> None:
        """Open an incident; one that is open already stays as it is."""
        if all(known.key != incident.key for known in self.failing):
            back = [known for known in self.ended if known.key == incident.key]
            # Its end was not announced.
            self.ended = [known for known in self.ended if known.key != incident.key]
            self.failing += back or [incident]

    def resolve(self, asset: str, partition: str, check: str, at: float) -> None:
        """End the incident, if it began before `at`; one that was not announced is forgotten."""
        key = (asset, partition, check)
        over = [known for known in self.failing if known.key == key and known.since <= at]
        self.failing = [known for known in self.failing if known not in over]
        self.ended += [known for known in over if known.announced]

    def compose(self, now: float, per_hour: int, destinations: int) -> None:
        """Turn what was not announced into deliveries, within the limit per hour.

        The last message that the limit allows sums up all that is left. Without a message left,
        everything waits.
        """
        self.sent_at = [sent for sent in self.sent_at if sent > now - _HOUR]
        free = per_hour - len(self.sent_at)
        new = [incident for incident in self.failing if not incident.announced]
        groups = [*_alike(new, ended=False), *_alike(self.ended, ended=True)]
        if free <= 0 or not groups:
            return
        messages = groups
        if len(groups) > free:
            messages = [*groups[: free - 1], _summary(groups[free - 1 :])]
        for incident in new:
            incident.announced = True
        self.ended = []
        self.sent_at += [now] * len(messages)
        self.deliveries += [
            Delivery(destination=number, message=message)
            for message in messages
            for number in range(destinations)
        ]
        self.deliveries = self.deliveries[-_MOST_WAITING:]

    def due(self, destination: int, now: float) -> list[Delivery]:
        """Return what may be sent to a destination now, the earliest first."""
        waiting = [d for d in self.deliveries if d.destination == destination]
        return waiting if not waiting or waiting[0].not_before <= now else []

    def delivered(self, delivery: Delivery) -> None:
        """Forget a delivery that the destination accepted."""
        self.deliveries.remove(delivery)

    def failed(self, delivery: Delivery, now: float) -> bool:
        """Let a delivery wait, each time twice as long; return True if it is given up."""
        delivery.attempts += 1
        delivery.not_before = now + _FIRST_WAIT_SECONDS * 2 ** (delivery.attempts - 1)
        if delivery.attempts < _MOST_ATTEMPTS:
            return False
        self.deliveries.remove(delivery)
        return True


def _alike(incidents: Iterable[Incident], *, ended: bool) -> list[Message]:
    """Return one message for all partitions of an asset that fail for the same reason."""
    groups: dict[tuple[str, str, str], list[Incident]] = {}
    for incident in incidents:
        groups.setdefault((incident.asset, incident.check, incident.reason), []).append(incident)
    return [_message(group, ended=ended) for group in groups.values()]


def _message(group: list[Incident], *, ended: bool) -> Message:
    first = group[0]
    return Message(
        status="resolved" if ended else "warning" if first.warning else "failed",
        asset=visible_text(first.asset),
        partitions=[visible_text(incident.partition) for incident in group if incident.partition],
        check=first.check,
        reason=f"was: {visible_text(first.reason)}" if ended else visible_text(first.reason),
        link=first.link,
        command=visible_text(first.command),
        since=first.since,
        incidents=len(group),
    )


def _summary(messages: list[Message]) -> Message:
    """Return one message for many, with their number and a few examples."""
    first = messages[0]
    names = [f"{message.status} {message.asset} {message.check}".rstrip() for message in messages]
    return first.model_copy(
        update={
            "asset": f"{len(messages)} further alerts",
            "partitions": [],
            "check": "",
            "reason": _some(names),
            "incidents": sum(message.incidents for message in messages),
        }
    )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _EXAMPLES:,} more" if len(names) > _EXAMPLES else ""
    return f"{', '.join(map(markdown_text, names[:_EXAMPLES]))}{more}"
