"""The service's own settings and limits."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from amazon_reviews.config import PREFIX, positive
from amazon_reviews.errors import SettingsError

MOST_TEXTS = 100
"""Texts that one request may have judged."""


@dataclass(frozen=True)
class ApiSettings:
    """Who may ask, and how much.

    `key` is what a request must bring, None where everybody may ask; `origins` are the sites whose
    pages may ask from a browser; `rate` is the requests a client may send in a minute, to each
    worker; `body_bytes` and `seconds` bound one request.
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
    found = tuple(origin.strip() for origin in value.split(",") if origin.strip())
    for origin in found:
        if not origin.startswith(("http://", "https://")) or origin.endswith("/"):
            raise SettingsError(
                f"{PREFIX}API_ORIGINS",
                f"{origin!r} is no origin such as https://example.org; separate several by commas",
            )
    return found
