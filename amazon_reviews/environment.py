"""Settings that are read from environment variables, with errors that name the variable."""

import os
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BeforeValidator, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from amazon_reviews.errors import SettingsError


def _whole_number(value: int | str) -> int:
    if not str(value).isdecimal() or int(value) < 1:
        raise ValueError(f"{value!r} is not a whole number above zero")
    return int(value)


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
"""A number of at least one."""


class EnvironmentSettings(BaseSettings):
    """Settings that are one environment variable each; an empty variable counts as unset."""

    model_config = SettingsConfigDict(
        frozen=True,
        validate_default=True,
        validate_by_name=True,
        # Values may be secrets.
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use no source but the arguments: `read` passes the variables of its environment."""
        return (init_settings,)

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ`, by default the environment of the process.

        Raises:
            SettingsError: a variable has a value that cannot be used; the text names all of them.
        """
        source = EnvSettingsSource(cls)
        variables = os.environ if environ is None else environ
        source.env_vars = {name.lower(): value for name, value in variables.items() if value}
        try:
            return cls(**source())
        except ValidationError as error:
            # pydantic's own text is not shown: it names fields, not variables.
            (name, problem), *others = map(cls._problem, error.errors(include_input=False))
        raise SettingsError(name, "; ".join([problem, *map(": ".join, others)]))

    @classmethod
    def variable(cls, field: str) -> str:
        """Return the name of the environment variable of a field."""
        alias = cls.model_fields[field].validation_alias
        return str(alias or f"{cls.model_config['env_prefix']}{field.upper()}")

    @classmethod
    def _problem(cls, details: ErrorDetails) -> tuple[str, str]:
        location = str(details["loc"][0])
        name = cls.variable(location) if location in cls.model_fields else location
        return name, str(details.get("ctx", {}).get("error", details["msg"]))
