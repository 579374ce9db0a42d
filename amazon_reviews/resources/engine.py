"""The Spark engine that runs the transforms: embedded Sail, local Spark, or a cluster."""

import os
from functools import cache
from typing import Any

import dagster as dg
from pydantic import Field
from pyspark.sql import SparkSession

ROW_GROUP_ROWS = 65_536


class SparkEngine(dg.ConfigurableResource[Any]):
    """Gives the Spark session of the engine that is set; nothing starts before it is asked for."""

    engine: str = Field(description="'sail', 'spark' or 'sc://host:port'")
    memory: int = Field(description="working memory of the embedded engine, in bytes")
    batch_rows: int = Field(description="rows that one query takes at most, where partitions allow")

    @property
    def session(self) -> SparkSession:
        """The session, started at the first call and shared within the process."""
        return start_session(self.engine, self.memory)


@cache
def start_session(engine: str, memory: int) -> SparkSession:
    """Start a session on `engine`; `memory` (bytes) bounds the embedded engine."""
    from dagster_pyspark import LazyPySparkResource

    if engine == "spark":
        config = local_spark_config()
    else:
        config = {"spark.remote": _sail_address(memory) if engine == "sail" else engine}
    session: SparkSession = LazyPySparkResource(spark_config=config).spark_session
    session.conf.set("spark.sql.session.timeZone", "UTC")
    return session


@cache
def start_sail(memory: int) -> Any:
    """Start the embedded engine in this process; it lives as long as the server returned.

    With the fair pool, sorts and windows spill to disk when `memory` bytes are used up.
    """
    os.environ.setdefault("RUST_LOG", "error")
    os.environ.setdefault("SAIL_RUNTIME__MEMORY_POOL__TYPE", "fair")
    os.environ.setdefault("SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE", str(memory))
    os.environ.setdefault("SAIL_PARQUET__MAX_ROW_GROUP_SIZE", str(ROW_GROUP_ROWS))
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer()
    server.start(background=True)
    return server


def _sail_address(memory: int) -> str:
    host, port = start_sail(memory).listening_address
    return f"sc://{host}:{port}"


def local_spark_config() -> dict[str, str]:
    """The configuration of a local JVM Spark that reads Delta tables."""
    return {
        "spark.master": "local[*]",
        # Java's regular expressions recurse on long lines.
        "spark.driver.extraJavaOptions": "-Xss16m",
        "spark.jars.packages": _delta_jars(),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
        "spark.ui.enabled": "false",
    }


def _delta_jars() -> str:
    """The Maven coordinates of the jars, which are made for one minor version of Spark each."""
    from importlib.metadata import version

    spark = ".".join(version("pyspark").split(".")[:2])
    return f"io.delta:delta-spark_{spark}_2.13:{version('delta-spark')}"
