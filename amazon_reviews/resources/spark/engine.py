"""The Spark engine that runs the transforms: embedded Sail, a local JVM Spark, or a cluster.

Each is reached as a Spark Connect endpoint. So the project uses one API and one kind of session,
and the engines differ only in the server behind the endpoint.
"""

import json
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.memory import engine_memory, is_scarce
from amazon_reviews.resources.spark.jvm import check_java, fetched_jars, start_jvm
from amazon_reviews.resources.spark.spill import spill_folder

if TYPE_CHECKING:
    from pyspark.sql.connect.client.retries import RetryPolicy

ROW_GROUP_ROWS = 65_536
_SPARK_CONNECT_PORT = 15002
_CONNECT_SECONDS = 5
# Spark's memory model: of the heap less a reserve, this share belongs to queries.
_SPARK_RESERVED_BYTES = 300 << 20
_SPARK_MEMORY_FRACTION = 0.6

SESSION_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
    "spark.sql.json.enablePartialResults": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
"""Settings that the transforms rely on; they override an endpoint's own defaults."""


def connect(address: str) -> SparkSession:
    """Return a session on a Spark Connect endpoint."""
    return SparkSession.builder.remote(address).getOrCreate()


def silence_client() -> None:
    """Keep the client's log off stderr, unless SPARK_CONNECT_LOG_LEVEL asks for it.

    The client disables its logger for that. But a new configuration of `logging`, which some
    libraries make, enables all loggers. Then each failed query would be a line of JSON with its
    traceback.
    """
    if "SPARK_CONNECT_LOG_LEVEL" not in os.environ:
        logger = logging.getLogger("pyspark.sql.connect.logging")
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False


@dataclass(frozen=True)
class SparkEngine:
    """Gives the Spark session of the configured engine, which starts at its first use.

    Attributes:
        engine: 'sail', 'spark' or 'sc://host:port'. A token may follow the address, so it does
            not appear in a representation.
        memory: working memory of an engine on this machine, in bytes.
        batch_rows: limit of the rows of one query, as far as partitions allow.
        connect: opens a session on an endpoint.
    """

    engine: str = field(repr=False)
    memory: int
    batch_rows: int
    connect: Callable[[str], SparkSession] = connect

    @property
    def session(self) -> SparkSession:
        """The session, which starts at the first call and is shared within the process."""
        return start_session(self.engine, self.memory, self.connect)


@dataclass(frozen=True)
class Endpoint:
    """A Spark Connect endpoint; its server ends when `server` is collected.

    Without `retries` the client repeats failed requests for ten minutes.
    """

    address: str
    server: Any = None
    retries: "RetryPolicy | None" = None


@cache
def start_session(
    engine: str, memory: int, connect: Callable[[str], SparkSession] = connect
) -> SparkSession:
    """Return the process's session on `engine`, with at most `memory` bytes on this machine.

    Raises:
        EngineUnavailableError: the engine cannot be used; the text says why and what to do.
    """
    endpoint = endpoint_of(engine, memory)
    with explained(engine):
        session = configured(connect(endpoint.address))
    if endpoint.retries:
        session.client.set_retry_policies([endpoint.retries])
    if engine == "sail":
        # The client would search for IPython at each call, to name in errors where the call is.
        session.conf.set("spark.python.sql.dataFrameDebugging.enabled", "false")
        # Within a process no connection breaks, which a query would have to outlive.
        session.client.disable_reattachable_execute()
    silence_client()
    return session


def configured(session: SparkSession) -> SparkSession:
    """Return the session with the settings that the transforms rely on."""
    for name, value in SESSION_SETTINGS.items():
        session.conf.set(name, value)
    return session


@contextmanager
def explained(engine: str) -> Iterator[None]:
    """Raise EngineUnavailableError if the engine refuses a session or its settings."""
    try:
        yield
    except PySparkException as error:
        raise EngineUnavailableError(
            f"{engine.split('/;')[0]} refuses a session with the settings the project needs "
            f"({', '.join(SESSION_SETTINGS)}): {error}"
        ) from error


def endpoint_of(engine: str, memory: int) -> Endpoint:
    """Return the endpoint of `engine`, after starting an engine that runs on this machine.

    Raises:
        EngineUnavailableError: the engine cannot be started, or does not answer.
        SettingsError: a limit leaves it too little memory.
    """
    if engine == "sail":
        return start_sail(engine_memory(memory))
    if engine == "spark":
        return start_spark(engine_memory(memory))
    _check_reachable(engine)
    return Endpoint(engine)


@cache
def start_sail(memory: int) -> Endpoint:
    """Start the embedded engine in this process.

    With the fair pool, sorts and windows spill to disk when they have used `memory` bytes.
    """
    os.environ.setdefault("RUST_LOG", "error")
    os.environ.setdefault("SAIL_RUNTIME__MEMORY_POOL__TYPE", "fair")
    os.environ.setdefault("SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE", str(memory))
    os.environ.setdefault("SAIL_PARQUET__MAX_ROW_GROUP_SIZE", str(ROW_GROUP_ROWS))
    # The engine compiles the regular expressions again for each batch of rows.
    os.environ.setdefault("SAIL_EXECUTION__BATCH_SIZE", str(ROW_GROUP_ROWS // 4))
    # To keep free memory saves the engine a tenth of its processor time. Where memory is scarce, it
    # offers that to the system, which takes it when a limit is reached.
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0" if is_scarce() else "-1")
    os.environ.setdefault("MIMALLOC_PURGE_DECOMMITS", "0")
    folder = spill_folder(memory)
    os.environ["SAIL_RUNTIME__TEMPORARY_FILES__PATHS"] = json.dumps([str(folder)])
    # Imported here because pysail is large and reads the variables above when it is loaded.
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer()
    server.start(background=True)
    host, port = server.listening_address
    return Endpoint(f"sc://{host}:{port}", server)


@cache
def start_spark(memory: int) -> Endpoint:
    """Start Spark on all cores in a JVM that ends with this process.

    Queries spill to disk when they have used `memory` bytes.

    Raises:
        EngineUnavailableError: Java or a jar is missing.
    """
    # Here because it loads Spark's client.
    from amazon_reviews.resources.spark.retries import RetriesOfJvm

    check_java()
    gateway = start_jvm(spark_settings(memory))
    token = secrets.token_urlsafe()
    sql = gateway.jvm.org.apache.spark.sql.classic.SparkSession
    # Not among the settings that start the JVM: the list of processes shows those.
    sql.builder().config("spark.connect.authenticate.token", token).getOrCreate()
    service = getattr(gateway.jvm, "org.apache.spark.sql.connect.service.SparkConnectService$")
    # The client sends a token without encryption to this host name only.
    address = f"sc://localhost:{getattr(service, 'MODULE$').localPort()}/;token={token}"
    return Endpoint(address, gateway, RetriesOfJvm(gateway.proc))


def spark_settings(memory: int) -> dict[str, str]:
    """Return the settings of a local JVM Spark that reads Delta tables and serves Spark Connect.

    The heap is so large that `memory` bytes of it are left for queries.
    """
    heap = int(memory / _SPARK_MEMORY_FRACTION) + _SPARK_RESERVED_BYTES
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
        # Hadoop ignores the umask of the process.
        "spark.hadoop.fs.permissions.umask-mode": "077",
        # Spark's defaults suit clusters.
        "spark.sql.shuffle.partitions": str(4 * (os.cpu_count() or 1)),
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.log.level": "ERROR",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def _check_reachable(address: str) -> None:
    """Raise EngineUnavailableError if nothing answers; Spark Connect would retry for minutes."""
    place = urlsplit(address)
    host, port = place.hostname or "", place.port or _SPARK_CONNECT_PORT
    try:
        socket.create_connection((host, port), _CONNECT_SECONDS).close()
    except OSError as error:
        raise EngineUnavailableError(
            f"AMAZON_REVIEWS_ENGINE: no Spark Connect server answers at {host}:{port} ({error}); "
            "start it, or use AMAZON_REVIEWS_ENGINE=sail"
        ) from None
