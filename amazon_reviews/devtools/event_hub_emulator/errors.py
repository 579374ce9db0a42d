"""The errors of the emulator, and the conditions that AMQP and Event Hubs define for them."""

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


class MalformedError(ValueError):
    """Bytes that are not AMQP, or a value where the standard does not allow it."""


class TokenError(Exception):
    """A token that gives no access; the text is the reason."""


class AmqpError(Exception):
    """A request that the emulator rejects with a condition; the peer receives the text."""

    def __init__(self, condition: str, text: str) -> None:
        super().__init__(text)
        self.condition = condition
        self.text = text


def encode_error(condition: str, text: str) -> Described:
    """Return the AMQP value of an error, with a null for its optional details."""
    return Described(ULong(0x1D), [Symbol(condition), text, None])
