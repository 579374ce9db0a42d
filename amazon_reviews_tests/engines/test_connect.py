"""A Spark Connect server in a separate process, like a cluster."""

import os
import subprocess
import sys
import time

import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.dagster.project import LAYERS, environment
from amazon_reviews_tests.engines.cluster import running_server
from amazon_reviews_tests.engines.compare import assert_same_tables
from amazon_reviews_tests.engines.conftest import needs_jvm, session_on
from amazon_reviews_tests.helpers import build_gold_all
from amazon_reviews_tests.ports import free_port

CLI = "from amazon_reviews.cli import main; main()"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a server whose defaults differ from the settings of the project."""
    needs_jvm()
    settings = {
        "spark.master": "local[2]",
        "spark.sql.session.timeZone": "Asia/Tokyo",
        "spark.sql.ansi.enabled": "false",
    }
    with running_server(tmp_path_factory.mktemp("server"), settings) as address:
        yield address


@pytest.mark.long
def test_asset_graph_runs_on_a_spark_connect_server(address, sail, tmp_path):
    """`amazon-reviews run` gives the same tables as the embedded engine."""
    options = SampleOptions(reviews=200, products=30, users=30, partitions=1, events=0, seed=31)
    generate(options, tmp_path / "landing")

    done = subprocess.run(
        [sys.executable, "-c", CLI, "run", "--select", LAYERS],
        env=os.environ | environment(tmp_path) | {"AMAZON_REVIEWS_ENGINE": address},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )

    assert done.returncode == 0, done.stderr[-3_000:]
    other = Lakehouse(location=str(tmp_path / "other"))
    landing = LandingZone(location=str(tmp_path / "landing"))
    build_gold_all(sail, landing, other)
    by_server = Lakehouse(location=environment(tmp_path)["AMAZON_REVIEWS_LAKEHOUSE"])
    assert {"silver/products", "gold/reviews"} <= assert_same_tables(other, by_server)


def test_session_has_the_settings_of_the_project(address):
    session = session_on(address)
    try:
        actual = session.sql("SELECT current_timezone(), try_cast('x' AS int)").collect()[0]
        ansi = session.conf.get("spark.sql.ansi.enabled")
    finally:
        # The functions of pyspark use the newest session, which outlives its server.
        session.stop()

    assert tuple(actual) == ("UTC", None)
    assert ansi == "true"


def test_error_names_a_server_that_does_not_answer():
    port = free_port()
    started = time.monotonic()

    with pytest.raises(
        EngineUnavailableError, match=f"no Spark Connect server answers at .*:{port}"
    ):
        session_on(f"sc://127.0.0.1:{port}")

    assert time.monotonic() - started < 30
