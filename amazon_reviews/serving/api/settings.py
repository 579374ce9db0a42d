"""Settings and limits of the API service."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode, SettingsConfigDict

from amazon_reviews.config import PREFIX
from amazon_reviews.environment import EnvironmentSettings, WholeNumber

MOST_TEXTS = 100
"""Texts that one request may send to the sentiment model."""


def _origins(value: str | tuple[str, ...]) -> tuple[str, ...]:
    texts = value.split(",") if isinstance(value, str) else value
    origins = tuple(origin.strip() for origin in texts if origin.strip())
    for origin in origins:
        if not origin.startswith(("http://", "https://")) or origin.endswith("/"):
            raise ValueError(
                f"{origin!r} is not an origin such as https://example.org; separate several by "
                "commas"
            )
    return origins


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


def load_api(environ: Mapping[str, str] | None = None) -> ApiSettings:
    """Read the settings of the API; see `EnvironmentSettings.read`.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    return ApiSettings.read(environ)
