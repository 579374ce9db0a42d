"""The project on a standalone Spark cluster, of which an executor and a worker are killed."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import MART_TABLES
from amazon_reviews_tests.dagster.project import MARTS, environment
from amazon_reviews_tests.engines.cluster import BIN, running_cluster
from amazon_reviews_tests.engines.compare import assert_same_tables
from amazon_reviews_tests.engines.conftest import needs_jvm

SAMPLE = SampleOptions(reviews=3_000, products=300, users=200, partitions=3, events=0, seed=31)
# The partial sums of a cluster are added up in another order.
DIGITS = 12


@pytest.mark.long
def test_a_cluster_that_loses_an_executor_and_a_worker_builds_the_same_tables(tmp_path):
    needs_jvm()
    generate(SAMPLE, tmp_path / "landing")
    (tmp_path / "cluster").mkdir()
    landing = {"AMAZON_REVIEWS_LANDING": str(tmp_path / "landing")}

    with running_cluster(tmp_path / "cluster") as cluster:
        engine = {"AMAZON_REVIEWS_ENGINE": cluster.address}
        losses = {"bronze/reviews": cluster.kill_executor, "gold/products": cluster.kill_worker}
        by_cluster = built(tmp_path / "by_cluster", landing | engine, losses)
        assert not losses
        assert len(cluster.executors()) == 1
        assert not (BIN.parent / "work").exists(), "a worker wrote into the package of pyspark"
    by_sail = built(tmp_path / "by_sail", landing)

    compared = assert_same_tables(by_sail, by_cluster, DIGITS)
    assert {"silver/reviews", "gold/products", "gold/reviews"} <= compared
    assert compared & {table.key for table in MART_TABLES}


def built(
    root: Path, settings: Mapping[str, str], losses: dict[str, Callable[[], None]] | None = None
) -> Lakehouse:
    """Run up to the marts; after the stage of a table that `losses` names, call its function."""
    places = environment(root) | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "amazon_reviews.cli", "run", "--select", MARTS],
        env=os.environ | places,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    assert process.stderr
    for line in process.stderr:
        lines.append(line)
        for name in [name for name in losses or {} if line.startswith(name)]:
            losses.pop(name)()
    assert process.wait(600) == 0, "".join(lines[-50:])
    return Lakehouse(location=places["AMAZON_REVIEWS_LAKEHOUSE"])
