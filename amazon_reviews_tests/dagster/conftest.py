"""Samples and projects for the tests of what Dagster runs."""

import logging
import shutil

import pytest

from amazon_reviews import config
from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.devtools.sample_data import SampleOptions, generate
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
def quiet():
    logging.getLogger("dagster").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A landing zone of five partitions of reviews and one of products, and its truth."""
    folder = tmp_path_factory.mktemp("sample")
    return folder, generate(SMALL, folder)


@pytest.fixture(scope="session")
def truth(sample):
    return sample[1]


@pytest.fixture
def empty(tmp_path, spark):
    """A project without input."""
    return Project(tmp_path)


@pytest.fixture
def project(tmp_path, spark, sample):
    """A project with the sample in its landing zone, nothing materialized."""
    shutil.copytree(sample[0], tmp_path / "landing")
    return Project(tmp_path)


@pytest.fixture(scope="session")
def products(tmp_path_factory, spark, sample):
    """A project that has its products up to gold, not to be changed."""
    root = tmp_path_factory.mktemp("products")
    shutil.copytree(sample[0], root / "landing")
    project = Project(root)
    project.add_all_partitions()
    keys = ("bronze/products", "silver/products")
    assert project.materialize(*keys, partitions=["partition_1"]).success
    assert project.materialize("gold/products").success
    return project


@pytest.fixture
def with_products(products, tmp_path):
    """A project with the sample in its landing zone and its products up to gold."""
    for name in ("landing", "lakehouse"):
        shutil.copytree(products.root / name, tmp_path / name)
    project = Project(tmp_path)
    project.add_all_partitions()
    return project


@pytest.fixture(scope="session")
def all_done(tmp_path_factory, spark, sample):
    """A project that is up to date, to be read only; the whole sample in one range."""
    root = tmp_path_factory.mktemp("all_done")
    shutil.copytree(sample[0], root / "landing")
    project = Project(root)
    outcome = project.run()
    assert not outcome.failures
    return project


@pytest.fixture
def forgotten(all_done, tmp_path):
    """A copy of the project that is up to date, of which Dagster knows nothing."""
    shutil.copytree(all_done.root, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path)


@pytest.fixture
def done(forgotten, all_done):
    """A copy of the project that is up to date, which may be changed."""
    forgotten.remember(all_done)
    return forgotten


@pytest.fixture(scope="module")
def hub_server():
    with EventHubEmulator({"reviews": 1}) as server:
        yield server


@pytest.fixture
def project_of(tmp_path, spark, hub_server, empty_store, monkeypatch):
    """Makes a project with these states of its datasets."""

    def make(states):
        there = dict(zip(DATASETS, states, strict=True))
        settings = {}
        if there["stream"] != "absent":
            hub_server.recreate("reviews")
            settings[config.EVENT_HUB] = hub_server.connection_string("reviews")
            if bodies := SENT[there["stream"]]:
                hub_server.append("reviews", "0", *bodies)
        empty_store(tmp_path / "models")
        for name, value in (environment(tmp_path) | settings).items():
            monkeypatch.setenv(name, value)
        project = Project(tmp_path, **settings)
        for dataset, state in there.items():
            if (dataset, state) in CONTENT:
                folder, file = FILES[dataset]
                content = CONTENT[dataset, state].encode()
                upload_bytes(project.landing, *folder.partition("/")[::2], content, file)
        return project

    return make
