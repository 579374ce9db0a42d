"""Java, which JVM Spark needs: whether it is there, and a JVM with Spark's classes."""

import os
import re
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING

from amazon_reviews.errors import EngineUnavailableError

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway

_OLDEST = 17
_ADVICE = "install Java 17 or 21, or use AMAZON_REVIEWS_ENGINE=sail"


def check_java() -> str:
    """The version of the Java that Spark will run on.

    Raises:
        EngineUnavailableError: there is none, or it is too old for Spark.
    """
    home = os.environ.get("JAVA_HOME")
    program = f"{home}/bin/java" if home else "java"
    try:
        told = subprocess.run([program, "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        place = "JAVA_HOME" if home else "PATH"
        raise EngineUnavailableError(f"there is no Java in {place}; {_ADVICE}") from None
    found = re.search(r'version "(?P<version>(?P<major>\d+)[^"]*)"', told.stderr)
    if found is None or int(found["major"]) < _OLDEST:
        version = found["version"] if found else "of an unknown version"
        raise EngineUnavailableError(f"Java {version} is too old for Spark; {_ADVICE}")
    return found["version"]


def start_jvm(settings: Mapping[str, str]) -> "JavaGateway":
    """Start a JVM with Spark's classes, to which `settings` are given as the start needs them.

    It ends with this process, however that ends, or when the gateway is collected.

    Raises:
        EngineUnavailableError: it ended at once.
    """
    from pyspark.conf import SparkConf
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    conf = SparkConf(loadDefaults=False).setAll(list(settings.items()))
    try:
        return launch_gateway(conf)
    except PySparkRuntimeError as error:
        raise EngineUnavailableError(f"Spark's JVM did not start ({error})") from None
