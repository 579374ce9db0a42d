"""Sessions of both engines; tests of JVM Spark are skipped without Java or the jars."""

import pytest
from pyspark.sql import SparkSession

from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.resources.spark.engine import configured, endpoint_of, explained
from amazon_reviews.resources.spark.jvm import check_java, fetched_jars
from amazon_reviews_tests.conftest import ENGINE_MEMORY


@pytest.fixture(scope="session")
def jvm() -> SparkSession:
    """Return a session on JVM Spark, one for each worker."""
    needs_jvm()
    return session_on("spark")


@pytest.fixture(scope="session")
def sail() -> SparkSession:
    """Return a session on the embedded engine, one for each worker."""
    return session_on("sail")


def needs_jvm() -> None:
    """Skip the test without Java or the jars."""
    try:
        check_java()
        fetched_jars()
    except EngineUnavailableError as error:
        reason = "jars" if "jars" in str(error) else "Java"
        pytest.skip(f"JVM Spark cannot be had: no {reason}")


def session_on(engine: str) -> SparkSession:
    """Return a separate session, because `start_session` allows one engine per process."""
    address = endpoint_of(engine, ENGINE_MEMORY).address
    with explained(engine):
        return configured(SparkSession.builder.remote(address).create())
