"""Refusals that a peer is told, with the conditions that AMQP and Event Hubs have for them."""

from amazon_reviews.devtools.event_hub_emulator.values import Described, Symbol, ULong

ARGUMENT_ERROR = "com.microsoft:argument-error"
DECODE_ERROR = "amqp:decode-error"
LINK_STOLEN = "amqp:link:stolen"
MESSAGE_TOO_LARGE = "amqp:link:message-size-exceeded"
NOT_FOUND = "amqp:not-found"
OUT_OF_RANGE = "com.microsoft:argument-out-of-range"
RESOURCE_DELETED = "amqp:resource-deleted"
RESOURCE_LIMIT = "amqp:resource-limit-exceeded"
UNAUTHORIZED = "amqp:unauthorized-access"


class Refusal(Exception):
    """What a peer asked for and does not get; the text goes to it."""

    def __init__(self, condition: str, text: str) -> None:
        super().__init__(text)
        self.condition = condition
        self.text = text

    def error(self) -> Described:
        """As it goes over the wire."""
        return error(self.condition, self.text)


def error(condition: str, text: str) -> Described:
    """An error of AMQP, with a null for its info."""
    return Described(ULong(0x1D), [Symbol(condition), text, None])
