"""Settings and limits of the API service."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode, SettingsConfigDict

from amazon_reviews.config import PREFIX
from amazon_reviews.environment import EnvironmentSettings, WholeNumber

MOST_TEXTS = 100
"""Texts that one request may send to the sentiment model."""


def _list(value: str | tuple[str, ...]) -> tuple[str, ...]:
    texts = value.split(",") if isinstance(value, str) else value
    return tuple(text.strip() for text in texts if text.strip())


def _origins(value: str | tuple[str, ...]) -> tuple[str, ...]:
    origins = _list(value)
    for origin in origins:
        if not origin.startswith(("http://", "https://")) or origin.endswith("/"):
            raise ValueError(
                f"{origin!r} is not an origin such as https://example.org; separate several by "
                "commas"
            )
    return origins


def _networks(value: str | tuple[str, ...]) -> tuple[str, ...]:
    networks = _list(value)
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise ValueError(
                f"{network!r} is not an address such as 127.0.0.1 or a network such as 10.0.0.0/8; "
                "separate several by commas"
            ) from error
    return networks


class ApiSettings(EnvironmentSettings):
    """The clients that the API answers, and the limits of a request."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}API_")

    key: SecretStr = Field(
        default=SecretStr(""),
        description="Key that a request must send as `X-API-Key`; unset means that none is needed.",
    )
    origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        default=(),
        description="Comma-separated origins, such as `https://example.org`, whose pages may call "
        "the API from a browser.",
    )
    rate: WholeNumber = Field(
        default=120_000, description="Requests that a client may send in a minute, to each worker."
    )
    body_bytes: WholeNumber = Field(
        default=2 << 20, description="Bytes of a request's body at most."
    )
    seconds: WholeNumber = Field(default=10, description="Seconds that one request may take.")
    receive_seconds: WholeNumber = Field(
        default=5,
        description="Seconds in which a request must arrive completely, and that a connection may "
        "wait between two requests; the connection is closed then.",
    )
    connections: WholeNumber = Field(
        default=500,
        description="Connections of each worker at most. A further one closes the one that has "
        "waited longest for its client. A quarter of the files that the process may open is the "
        "upper limit.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_networks)] = Field(
        default=(),
        description="Comma-separated addresses or networks of the proxies whose `X-Forwarded-For` "
        "and `X-Forwarded-Proto` are used. Unset means that these headers are ignored.",
    )


def load_api(environ: Mapping[str, str] | None = None) -> ApiSettings:
    """Read the settings of the API; see `EnvironmentSettings.read`.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    return ApiSettings.read(environ)
