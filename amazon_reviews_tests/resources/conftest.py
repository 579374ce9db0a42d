"""Fixtures of the tests of outside systems."""

from collections.abc import Iterator

import pytest

from amazon_reviews_tests.azurite import PROGRAM, Azurite, running_azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """A running Azurite."""
    if not PROGRAM.is_file():
        pytest.skip("Azurite is not installed: make azurite")
    with running_azurite() as azurite:
        yield azurite
