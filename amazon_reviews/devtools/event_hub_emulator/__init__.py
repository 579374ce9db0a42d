"""A development server for event hubs, for tests and for trying things out."""

from amazon_reviews.devtools.event_hub_emulator.refusal import Refusal
from amazon_reviews.devtools.event_hub_emulator.server import EventHubEmulator, HubOptions

__all__ = ["EventHubEmulator", "HubOptions", "Refusal"]
