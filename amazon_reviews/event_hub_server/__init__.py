"""A development server for event hubs, for tests and for trying things out."""

from amazon_reviews.event_hub_server.refusal import Refusal
from amazon_reviews.event_hub_server.server import EventHubServer, HubOptions

__all__ = ["EventHubServer", "HubOptions", "Refusal"]
