"""The Spark engine that runs the transforms: embedded Sail, a local JVM Spark, or a cluster.

Each is reached as a Spark Connect endpoint, so that the project meets one API and one kind of
session everywhere; what differs is who serves the endpoint.
"""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.resources.spark.jars import fetched_jars
from amazon_reviews.resources.spark.java import check_java, start_jvm

ROW_GROUP_ROWS = 65_536
_SPARK_CONNECT_PORT = 15002
_SECONDS = 5
_SPARK_RESERVES = 300 << 20
_SPARK_WORKS_IN = 0.6

SESSION_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
    "spark.sql.json.enablePartialResults": "false",
}
"""What the transforms rely on, whatever an endpoint's own defaults are."""


def connect(address: str) -> SparkSession:
    """Return a session on a Spark Connect endpoint."""
    return SparkSession.builder.remote(address).getOrCreate()


@dataclass(frozen=True)
class SparkEngine:
    """Gives the Spark session of the engine that is set; nothing starts before its first use.

    `engine` is 'sail', 'spark' or 'sc://host:port', where a token may follow, so it does not
    appear in a representation; `memory` is the working memory of an engine in this machine, in
    bytes; `batch_rows` are the rows that one query takes at most, where partitions allow.
    `connect` opens the session on an endpoint.
    """

    engine: str = field(repr=False)
    memory: int
    batch_rows: int
    connect: Callable[[str], SparkSession] = connect

    @property
    def session(self) -> SparkSession:
        """The session, started at the first call and shared within the process."""
        return start_session(self.engine, self.memory, self.connect)


@dataclass(frozen=True)
class Endpoint:
    """A Spark Connect endpoint; what serves it ends when `server` is collected."""

    address: str
    server: Any = None


@cache
def start_session(
    engine: str, memory: int, connect: Callable[[str], SparkSession] = connect
) -> SparkSession:
    """Start the process's session on `engine`; `memory` (bytes) bounds one that is started here.

    Raises:
        EngineUnavailableError: the engine cannot be used; the text says why and what to do.
    """
    address = endpoint_of(engine, memory).address
    with explained(engine):
        return configured(connect(address))


def configured(session: SparkSession) -> SparkSession:
    """The session with the settings that the transforms rely on."""
    for name, value in SESSION_SETTINGS.items():
        session.conf.set(name, value)
    return session


@contextmanager
def explained(engine: str) -> Iterator[None]:
    """Raise EngineUnavailableError where the engine refuses a session or its settings."""
    try:
        yield
    except PySparkException as error:
        raise EngineUnavailableError(
            f"{engine.split('/;')[0]} refuses a session with the settings the project needs "
            f"({', '.join(SESSION_SETTINGS)}): {error}"
        ) from error


def endpoint_of(engine: str, memory: int) -> Endpoint:
    """The endpoint of `engine`, which is started if it is one of this machine.

    Raises:
        EngineUnavailableError: it cannot be started, or does not answer.
    """
    if engine == "sail":
        return start_sail(memory)
    if engine == "spark":
        return start_spark(memory)
    _check_reachable(engine)
    return Endpoint(engine)


@cache
def start_sail(memory: int) -> Endpoint:
    """Start the embedded engine in this process.

    With the fair pool, sorts and windows spill to disk when `memory` bytes are used up.
    """
    os.environ.setdefault("RUST_LOG", "error")
    os.environ.setdefault("SAIL_RUNTIME__MEMORY_POOL__TYPE", "fair")
    os.environ.setdefault("SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE", str(memory))
    os.environ.setdefault("SAIL_PARQUET__MAX_ROW_GROUP_SIZE", str(ROW_GROUP_ROWS))
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer()
    server.start(background=True)
    host, port = server.listening_address
    return Endpoint(f"sc://{host}:{port}", server)


@cache
def start_spark(memory: int) -> Endpoint:
    """Start Spark on all cores in a JVM that ends with this process.

    What needs memory spills to disk when `memory` bytes are used up.

    Raises:
        EngineUnavailableError: Java or a jar is missing.
    """
    check_java()
    gateway = start_jvm(spark_settings(memory))
    token = secrets.token_urlsafe()
    sql = gateway.jvm.org.apache.spark.sql.classic.SparkSession
    # Not among the settings that start the JVM: those are seen in the list of processes.
    sql.builder().config("spark.connect.authenticate.token", token).getOrCreate()
    service = getattr(gateway.jvm, "org.apache.spark.sql.connect.service.SparkConnectService$")
    # To this name alone the client sends a token without encryption.
    address = f"sc://localhost:{getattr(service, 'MODULE$').localPort()}/;token={token}"
    return Endpoint(address, gateway)


def spark_settings(memory: int) -> dict[str, str]:
    """The settings of a local JVM Spark that reads Delta tables and serves Spark Connect.

    `memory` bytes are left to queries of what the JVM may use.
    """
    heap = int(memory / _SPARK_WORKS_IN) + _SPARK_RESERVES
    return {
        "spark.master": "local[*]",
        "spark.driver.memory": f"{heap >> 20}m",
        # Java's regular expressions recurse on long lines.
        "spark.driver.extraJavaOptions": "-Xss16m",
        "spark.jars": ",".join(map(str, fetched_jars())),
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # The defaults are made for clusters.
        "spark.sql.shuffle.partitions": str(4 * (os.cpu_count() or 1)),
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.log.level": "ERROR",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def _check_reachable(address: str) -> None:
    """Spark Connect itself would try again for minutes."""
    place = urlsplit(address)
    host, port = place.hostname or "", place.port or _SPARK_CONNECT_PORT
    try:
        socket.create_connection((host, port), _SECONDS).close()
    except OSError as error:
        raise EngineUnavailableError(
            f"AMAZON_REVIEWS_ENGINE: no Spark Connect server answers at {host}:{port} ({error}); "
            "start it, or use AMAZON_REVIEWS_ENGINE=sail"
        ) from None
