"""An event hub emulator for tests and local development."""

from amazon_reviews.devtools.event_hub_emulator.errors import AmqpError
from amazon_reviews.devtools.event_hub_emulator.server import EventHubEmulator, HubOptions

__all__ = ["AmqpError", "EventHubEmulator", "HubOptions"]
