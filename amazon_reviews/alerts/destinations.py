"""Destinations of alerts: webhooks that take JSON, and all services that Apprise knows.

Their addresses hold keys, so no text of this module names one: destinations have numbers.
"""

import logging
from dataclasses import dataclass, field
from typing import Any, Self

import requests

from amazon_reviews.alerts.incidents import Message
from amazon_reviews.config import Settings

_WEB = ("http://", "https://")
_CONNECT_SECONDS, _READ_SECONDS, _SERVICE_SECONDS = 5, 10, 20


@dataclass(frozen=True)
class Alerting:
    """The settings of alerts: addresses, alerts per hour, and the address of the Dagster UI."""

    addresses: tuple[str, ...] = field(repr=False)
    per_hour: int
    dagster_url: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return those of the settings; without an address, alerts are off."""
        addresses = settings.alerts.get_secret_value().split()
        return cls(tuple(addresses), settings.alerts_per_hour, settings.dagster_url)


def send(address: str, message: Message) -> str:
    """Send a message; return "" if it was accepted, else why not, without the address."""
    return _post(address, message) if address.startswith(_WEB) else _notify(address, message)


def _post(address: str, message: Message) -> str:
    body: dict[str, Any] = {"title": message.title, "text": message.text, **message.model_dump()}
    try:
        # A redirect would become a GET without the message. The response is not read.
        with requests.post(
            address,
            json=body,
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as response:
            return "" if response.ok and not response.is_redirect else f"{response.status_code}"
    except (requests.RequestException, OSError, ValueError) as error:
        # Its text quotes the address.
        return type(error).__name__


def _notify(address: str, message: Message) -> str:
    # Here because only those who use it need the 140 services.
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

    # It logs addresses, which are redacted, but says no more than its result.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    service = Apprise(asset=AppriseAsset(app_id="amazon_reviews"))
    if not service.add(address):
        return "Apprise does not know this address"
    kind = {"failed": NotifyType.FAILURE, "warning": NotifyType.WARNING}
    accepted = service.notify(
        title=message.title,
        body=message.text,
        notify_type=kind.get(message.status, NotifyType.SUCCESS),
        # Services show it without markup, so that nothing in it does anything.
        body_format=NotifyFormat.TEXT,
        timeout=_SERVICE_SECONDS,
    )
    return "" if accepted else "Apprise could not deliver it"
