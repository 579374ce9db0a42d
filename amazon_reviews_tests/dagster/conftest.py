"""Samples and projects for the tests that run Dagster."""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from amazon_reviews import config
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews_tests.alert_receiver import AlertReceiver, alert_receiver
from amazon_reviews_tests.dagster.partial import CONTENT, DATASETS, FILES, SENT
from amazon_reviews_tests.dagster.project import Project, environment
from amazon_reviews_tests.helpers import upload_bytes

SMALL = SampleOptions(
    reviews=600,
    products=40,
    users=30,
    partitions=5,
    events=1,
    titles=0,
    title_ratings=0,
    duplicates_within=0.03,
    duplicates_across=0.03,
    malformed=0.02,
    files_per_partition=1,
)


@pytest.fixture(autouse=True, scope="session")
def quiet() -> None:
    logging.getLogger("dagster").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A landing zone with five partitions of reviews and one of products, and its truth."""
    folder = tmp_path_factory.mktemp("sample")
    return folder, generate(SMALL, folder)


@pytest.fixture(scope="session")
def truth(sample: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    return sample[1]


@pytest.fixture
def empty(tmp_path: Path, spark: SparkSession) -> Project:
    """A project without input."""
    return Project(tmp_path)


@pytest.fixture
def project(tmp_path: Path, spark: SparkSession, sample: tuple[Path, dict[str, Any]]) -> Project:
    """A project with the sample in its landing zone, without tables."""
    shutil.copytree(sample[0], tmp_path / "landing")
    return Project(tmp_path)


@pytest.fixture(scope="session")
def products(
    tmp_path_factory: pytest.TempPathFactory,
    spark: SparkSession,
    sample: tuple[Path, dict[str, Any]],
) -> Project:
    """A project with its products up to gold; tests must not change it."""
    root = tmp_path_factory.mktemp("products")
    shutil.copytree(sample[0], root / "landing")
    project = Project(root)
    project.add_all_partitions()
    keys = ("bronze/products", "silver/products")
    assert project.materialize(*keys, partitions=["partition_1"]).success
    assert project.materialize("gold/products").success
    return project


@pytest.fixture
def with_products(products: Project, tmp_path: Path) -> Project:
    """A project with the sample in its landing zone and its products up to gold."""
    for name in ("landing", "lakehouse"):
        shutil.copytree(products.root / name, tmp_path / name)
    project = Project(tmp_path)
    project.add_all_partitions()
    return project


@pytest.fixture(scope="session")
def all_done(
    tmp_path_factory: pytest.TempPathFactory,
    spark: SparkSession,
    sample: tuple[Path, dict[str, Any]],
) -> Project:
    """A project that is up to date; tests must not change it."""
    root = tmp_path_factory.mktemp("all_done")
    shutil.copytree(sample[0], root / "landing")
    project = Project(root)
    outcome = project.run()
    assert not outcome.failures
    return project


@pytest.fixture
def forgotten(all_done: Project, tmp_path: Path) -> Project:
    """A copy of the project that is up to date, with an empty Dagster instance."""
    shutil.copytree(all_done.root, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path)


@pytest.fixture
def done(forgotten: Project, all_done: Project) -> Project:
    """A copy of the project that is up to date; the test may change it."""
    forgotten.remember(all_done)
    return forgotten


@pytest.fixture(scope="module")
def alert_server() -> Iterator[AlertReceiver]:
    with alert_receiver() as server:
        yield server


@pytest.fixture
def receiver(alert_server: AlertReceiver) -> AlertReceiver:
    """A web server that receives alerts, without those of other tests."""
    alert_server.received, alert_server.statuses, alert_server.paths = [], [], []
    return alert_server


@pytest.fixture(scope="module")
def hub_server() -> Iterator[EventHubEmulator]:
    with EventHubEmulator({"reviews": 1}) as server:
        yield server


@pytest.fixture
def project_of(
    tmp_path: Path,
    spark: SparkSession,
    hub_server: EventHubEmulator,
    empty_store: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Sequence[str]], Project]:
    """Return a function that creates a project with the given states of its datasets."""

    def create(states: Sequence[str]) -> Project:
        state_of = dict(zip(DATASETS, states, strict=True))
        settings = {}
        if state_of["stream"] != "absent":
            hub_server.recreate("reviews")
            settings[config.EVENT_HUB] = hub_server.connection_string("reviews")
            if bodies := SENT[state_of["stream"]]:
                hub_server.append("reviews", "0", *bodies)
        empty_store(tmp_path / "models")
        for name, value in (environment(tmp_path) | settings).items():
            monkeypatch.setenv(name, value)
        project = Project(tmp_path, **settings)
        for dataset, state in state_of.items():
            if (dataset, state) in CONTENT:
                folder, file = FILES[dataset]
                content = CONTENT[dataset, state].encode()
                upload_bytes(project.landing, *folder.partition("/")[::2], content, file)
        return project

    return create
