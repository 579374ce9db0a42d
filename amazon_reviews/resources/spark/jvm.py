"""Java and Delta's jars for local JVM Spark: checks, the pinned versions, and the JVM's start."""

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from py4j.java_gateway import JavaGateway
from pyspark.conf import SparkConf
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway

from amazon_reviews.atomic_file import replacing
from amazon_reviews.config import project_root
from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.interrupts import temporary_folder

PINNED = {
    "io.delta:delta-spark_4.2_2.13:4.4.0": (
        "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead"
    ),
    "io.delta:delta-storage:4.4.0": (
        "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"
    ),
    "io.delta:delta-kernel-api:4.4.0": (
        "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11"
    ),
    "io.delta:delta-kernel-defaults:4.4.0": (
        "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b"
    ),
    "io.delta:delta-kernel-unitycatalog:4.4.0": (
        "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa"
    ),
}
"""Maven coordinates and SHA-256. The name of delta-spark includes its version of Spark."""

_OLDEST_JAVA = 17
# Spark's distribution holds their other dependencies, in the versions that it was built with.
_EXCLUDED = "org.*:*,com.*:*,commons-*:*,javax.*:*,io.airlift:*,io.unitycatalog:*"
_JAVA_ADVICE = "install Java 17 or 21, or use AMAZON_REVIEWS_ENGINE=sail"
_JARS_ADVICE = "run `make jars` (`amazon-reviews jars`), or use AMAZON_REVIEWS_ENGINE=sail"


def check_java() -> str:
    """Return the version of the Java that Spark will run on.

    Raises:
        EngineUnavailableError: Java is missing, or too old for Spark.
    """
    home = os.environ.get("JAVA_HOME")
    program = f"{home}/bin/java" if home else "java"
    try:
        output = subprocess.run([program, "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        place = "JAVA_HOME" if home else "PATH"
        raise EngineUnavailableError(f"there is no Java in {place}; {_JAVA_ADVICE}") from None
    # Java prints its version to stderr.
    match = re.search(r'version "(?P<version>(?P<major>\d+)[^"]*)"', output.stderr)
    if not match or int(match["major"]) < _OLDEST_JAVA:
        version = match["version"] if match else "of an unknown version"
        raise EngineUnavailableError(f"Java {version} is too old for Spark; {_JAVA_ADVICE}")
    return match["version"]


def start_jvm(settings: Mapping[str, str]) -> JavaGateway:
    """Start a JVM with Spark's classes and these settings.

    It ends when the gateway is collected, or with this process, even if that is killed.

    Raises:
        EngineUnavailableError: the JVM did not start.
    """
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    conf = SparkConf(loadDefaults=False).setAll(list(settings.items()))
    try:
        return launch_gateway(conf)
    except PySparkRuntimeError as error:
        raise EngineUnavailableError(f"Spark's JVM did not start ({error})") from None


def jars_folder() -> Path:
    """Return the folder of the jars, `.jars` in the project's root."""
    return project_root() / ".jars"


def fetched_jars() -> list[Path]:
    """Return the pinned jars, complete and as they were published.

    Raises:
        EngineUnavailableError: a jar is missing or differs; the text says what to do.
    """
    return _checked(jars_folder())


def fetch_jars() -> list[Path]:
    """Fetch the pinned jars into `jars_folder` if they are missing there, and return them.

    Spark resolves the coordinates with its own Ivy, so its settings for mirrors apply.

    Raises:
        EngineUnavailableError: Java is missing, Maven Central cannot be reached, or a fetched jar
            has another checksum. The folder stays as it was.
    """
    try:
        return fetched_jars()
    except EngineUnavailableError:
        check_java()
    with temporary_folder() as ivy:
        settings = {
            "spark.jars.packages": ",".join(PINNED),
            "spark.jars.excludes": _EXCLUDED,
            "spark.jars.ivy": ivy,
        }
        try:
            start_jvm(settings).shutdown()
        except EngineUnavailableError:
            raise EngineUnavailableError(
                "the jars of Delta cannot be fetched; Ivy's messages above give the reason. In a "
                "closed network name a mirror in Ivy's settings (spark.jars.ivySettings in the "
                f"spark-defaults.conf of SPARK_CONF_DIR), or copy {jars_folder()} from a machine "
                "that has it"
            ) from None
        jars = _checked(Path(ivy) / "jars")
        for jar in jars:
            with replacing(jars_folder() / jar.name) as file:
                file.write(jar.read_bytes())
    return fetched_jars()


def _checked(folder: Path) -> list[Path]:
    jars = {folder / _file_name(name): checksum for name, checksum in PINNED.items()}
    for jar, checksum in jars.items():
        if not jar.is_file():
            raise EngineUnavailableError(f"{jar} is missing; {_JARS_ADVICE}")
        if hashlib.sha256(jar.read_bytes()).hexdigest() != checksum:
            raise EngineUnavailableError(
                f"{jar} is not the file that the project pins; remove it, then {_JARS_ADVICE}"
            )
    return list(jars)


def _file_name(coordinates: str) -> str:
    """Return the name that Ivy gives to the file."""
    group, artifact, version = coordinates.split(":")
    return f"{group}_{artifact}-{version}.jar"
