"""Delta's jars, which JVM Spark needs: pinned, fetched once, and checked before they are used."""

import hashlib
import shutil
from pathlib import Path

from amazon_reviews.config import project_root
from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.interrupts import temporary_folder
from amazon_reviews.resources.spark.java import check_java, start_jvm

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
"""Maven coordinates and SHA-256. The name of delta-spark holds the version of Spark it is for."""

# Spark brings what else they depend on, in the versions that it was built with.
_BROUGHT_BY_SPARK = "org.*:*,com.*:*,commons-*:*,javax.*:*,io.airlift:*,io.unitycatalog:*"
_ADVICE = "run `make jars` (`amazon-reviews jars`), or use AMAZON_REVIEWS_ENGINE=sail"


def jars_folder() -> Path:
    """Where the jars lie: `.jars` in the project's root."""
    return project_root() / ".jars"


def fetched_jars() -> list[Path]:
    """The pinned jars, all there and as they were published.

    Raises:
        EngineUnavailableError: one is missing or another file; the text says what to do.
    """
    return _checked(jars_folder())


def fetch_jars() -> list[Path]:
    """Bring the pinned jars into `jars_folder` where they are not there yet; returns them.

    Spark resolves the coordinates with its own Ivy, so its settings for mirrors apply.

    Raises:
        EngineUnavailableError: there is no Java, Maven Central is out of reach, or what came has
            another checksum; the folder is as it was.
    """
    try:
        return fetched_jars()
    except EngineUnavailableError:
        check_java()
    with temporary_folder() as ivy:
        settings = {
            "spark.jars.packages": ",".join(PINNED),
            "spark.jars.excludes": _BROUGHT_BY_SPARK,
            "spark.jars.ivy": ivy,
        }
        try:
            start_jvm(settings).shutdown()
        except EngineUnavailableError:
            raise EngineUnavailableError(
                "the jars of Delta cannot be fetched; what Ivy says above tells why. In a closed "
                "network name a mirror in Ivy's settings (spark.jars.ivySettings in the "
                f"spark-defaults.conf of SPARK_CONF_DIR), or copy {jars_folder()} from a machine "
                "that has it"
            ) from None
        found = _checked(Path(ivy) / "jars")
        jars_folder().mkdir(exist_ok=True)
        for jar in found:
            shutil.copy(jar, jars_folder())
    return fetched_jars()


def _checked(folder: Path) -> list[Path]:
    jars = {folder / _file_name(name): checksum for name, checksum in PINNED.items()}
    for jar, checksum in jars.items():
        if not jar.is_file():
            raise EngineUnavailableError(f"{jar} is missing; {_ADVICE}")
        if hashlib.sha256(jar.read_bytes()).hexdigest() != checksum:
            raise EngineUnavailableError(
                f"{jar} is not the file that the project pins; remove it, then {_ADVICE}"
            )
    return list(jars)


def _file_name(coordinates: str) -> str:
    """The name that Ivy gives to the file."""
    group, artifact, version = coordinates.split(":")
    return f"{group}_{artifact}-{version}.jar"
