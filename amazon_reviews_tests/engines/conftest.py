"""JVM Spark, where Java and the jars are there; without them these tests are skipped."""

import pytest
from pyspark.sql import SparkSession

from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.resources.spark.engine import configured, endpoint_of, explained
from amazon_reviews.resources.spark.jvm import check_java, fetched_jars
from amazon_reviews_tests.conftest import ENGINE_MEMORY


@pytest.fixture(scope="session")
def jvm() -> SparkSession:
    """A session on JVM Spark, one for each worker."""
    needs_jvm()
    return session_on("spark")


@pytest.fixture(scope="session")
def sail() -> SparkSession:
    """A session on the embedded engine, one for each worker."""
    return session_on("sail")


def needs_jvm() -> None:
    """Skip the test where there is no Java, or no jars."""
    try:
        check_java()
        fetched_jars()
    except EngineUnavailableError as error:
        reason = "jars" if "jars" in str(error) else "Java"
        pytest.skip(f"JVM Spark cannot be had: no {reason}")


def session_on(engine: str) -> SparkSession:
    """A session of its own: `start_session` gives a process one engine only."""
    address = endpoint_of(engine, ENGINE_MEMORY).address
    with explained(engine):
        return configured(SparkSession.builder.remote(address).create())
