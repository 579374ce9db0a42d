"""Settings and limits of the API service."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from amazon_reviews.config import PREFIX, positive
from amazon_reviews.errors import SettingsError

MOST_TEXTS = 100
"""Texts that one request may send to the sentiment model."""


@dataclass(frozen=True)
class ApiSettings:
    """Access to the service and its limits.

    `key` must be sent with every request; None lets everybody in. `origins` are the sites whose
    pages may send requests from a browser. `rate` is the number of requests a minute that a client
    may send to each worker. `body_bytes` and `seconds` limit one request.
    """

    key: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()
    rate: int = 120_000
    body_bytes: int = 2 << 20
    seconds: int = 10


def load_api(environ: Mapping[str, str] | None = None) -> ApiSettings:
    """Read the settings.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    env = os.environ if environ is None else environ
    default = ApiSettings()
    return ApiSettings(
        key=env.get(f"{PREFIX}API_KEY") or None,
        origins=_origins(env.get(f"{PREFIX}API_ORIGINS", "")),
        rate=positive(env, "API_RATE", default.rate),
        body_bytes=positive(env, "API_BODY_BYTES", default.body_bytes),
        seconds=positive(env, "API_SECONDS", default.seconds),
    )


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in value.split(",") if origin.strip())
    for origin in origins:
        if not origin.startswith(("http://", "https://")) or origin.endswith("/"):
            raise SettingsError(
                f"{PREFIX}API_ORIGINS",
                f"{origin!r} is not an origin such as https://example.org; separate them by commas",
            )
    return origins
