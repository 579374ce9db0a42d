"""A whole project in a folder of its own, with its Dagster instance."""

import gzip
import json
from collections import Counter
from pathlib import Path

import dagster as dg
from deltalake import write_deltalake

from amazon_reviews import config
from amazon_reviews.definitions import definitions
from amazon_reviews.defs.landing_sensor import range_tags
from amazon_reviews.defs.partitions import missing_partitions
from amazon_reviews.defs.resources import resources
from amazon_reviews.headless.runner import HeadlessRun
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import content

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
TABLES_OF_USERS = ("gold/reviews", "gold/products", "silver/rejected")

_MODELS = "group:sentiment+ or group:recommender+ or group:titles or key:report/titles"
LAYERS = f"not (group:marts+ or {_MODELS})"
MARTS = f"not ({_MODELS})"
RATINGS_MODEL = "key:gold/title_ratings_model or key:model/title_ratings"
TITLES = (
    f"(group:titles and not ({RATINGS_MODEL})) "
    "or key:warehouse/titles or key:warehouse/title_actors or key:report/titles"
)


def environment(root):
    """The settings of a project that lies in `root`, as environment variables."""
    return {
        "AMAZON_REVIEWS_LANDING": str(root / "landing"),
        "AMAZON_REVIEWS_LAKEHOUSE": str(root / "lakehouse"),
        "AMAZON_REVIEWS_WAREHOUSE": f"duckdb:///{root}/warehouse.duckdb",
        "AMAZON_REVIEWS_REPORT": str(root / "report.html"),
        "AMAZON_REVIEWS_MODELS": str(root / "models"),
        "DAGSTER_HOME": str(root / "dagster"),
    }


class Project:
    """Landing zone, lakehouse, warehouse and Dagster instance, and what is done with them."""

    def __init__(self, root, **settings):
        """`settings` are further environment variables."""
        self.root = root
        self.settings = config.load(environment(root) | settings)
        self.defs = definitions(self.settings)
        self.instance = dg.DagsterInstance.ephemeral()
        self.landing = LandingZone(location=self.settings.landing)
        self.lakehouse = Lakehouse(location=self.settings.lakehouse)
        self.job = self.defs.resolve_implicit_global_asset_job_def()
        self.graph = self.defs.resolve_asset_graph()
        Path(self.settings.landing).mkdir(parents=True, exist_ok=True)

    def add_partitions(self, noun, *names):
        """Let Dagster know of these partitions."""
        for partitions, new in missing_partitions(self.instance, noun, names).items():
            self.instance.add_dynamic_partitions(partitions, new)

    def add_all_partitions(self):
        """Let Dagster know of every partition that lies in the landing zone."""
        self.add_partitions("reviews", *self.landing.partitions("amazon_reviews"))
        self.add_partitions("products", *self.landing.partitions("amazon_metadata"))

    def remember(self, other):
        """Let Dagster know of all that was materialized in another project."""
        self.add_all_partitions()
        self.report(other)

    def report(self, other):
        """The same where Dagster knows the partitions already."""
        for key in (key for level in self.graph.toposorted_asset_keys_by_level for key in level):
            wanted = dg.AssetRecordsFilter(asset_key=key)
            for record in reversed(other.instance.fetch_materializations(wanted, 1000).records):
                self.instance.report_runless_asset_event(record.asset_materialization)

    def materialize(self, *keys, partitions=()):
        """One run over these tables, and over the range of these partitions."""
        return self.job.execute_in_process(
            asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
            instance=self.instance,
            tags=range_tags(partitions) if partitions else {},
            raise_on_error=False,
            run_config=QUIET,
        )

    def execute(self, request, job_name=None):
        """What the daemon does with a run request, of a sensor or of a schedule's job."""
        return self.defs.resolve_job_def(request.job_name or job_name).execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            tags=dict(request.tags),
            raise_on_error=False,
            run_config={**request.run_config, **QUIET},
        )

    def run(self, select=LAYERS, rebuild=None):
        """Run headless, by default for the layers without marts and models."""
        selection = dg.AssetSelection.from_string(select)
        sources = resources(self.settings)
        headless = HeadlessRun(self.defs, sources, self.instance, selection, rebuild or {})
        return headless.run(lambda stage: lambda name: None, lambda stage, seconds: None)

    def check(self, *keys, names=None):
        """Run checks of these tables without materializing them; results by name."""
        checks = self.graph.get_check_keys_for_assets({dg.AssetKey(k.split("/")) for k in keys})
        own = {key for key in checks if key.name in (names or {key.name} - {"accounted"})}
        job = self.job.get_subset(asset_selection=set(), asset_check_selection=own)
        result = job.execute_in_process(
            instance=self.instance,
            run_config=QUIET,
            raise_on_error=False,
            resources=self.defs.resources,
        )
        return {found.check_name: found for found in result.get_asset_check_evaluations()}

    def materialized(self, key):
        """How often each partition was materialized; None stands for a whole table."""
        wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(key.split("/")))
        records = self.instance.fetch_materializations(wanted, limit=1000).records
        return Counter(record.partition_key for record in records)

    def metadata(self, key):
        """The newest metadata of each partition, as plain values."""
        wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(key.split("/")))
        records = self.instance.fetch_materializations(wanted, limit=1000).records
        return {
            record.partition_key: {
                name: value.value for name, value in record.asset_materialization.metadata.items()
            }
            for record in reversed(records)
        }

    def versions(self):
        """The Delta version of every table that there is."""
        root = Path(self.settings.lakehouse)
        logs = root.glob("*/*/_delta_log")
        keys = sorted(str(log.parent.relative_to(root)) for log in logs)
        return {key: self.lakehouse.version(key) for key in keys}

    def content(self):
        """What users see of the tables, as multisets."""
        return {key: content(self.lakehouse, key) for key in TABLES_OF_USERS}

    def folder(self, dataset, name):
        """A folder of the landing zone."""
        return Path(self.settings.landing) / dataset / name

    def break_off(self, dataset, name):
        """Cut a file of the partition; returns its name."""
        path = sorted(self.folder(dataset, name).iterdir())[0]
        path.write_bytes(path.read_bytes()[:-20])
        return path.name

    def add_file(self, dataset, name, *records, file="later.json.gz"):
        """Upload one more file to the partition."""
        text = "".join(json.dumps(record) + "\n" for record in records)
        self.folder(dataset, name).mkdir(parents=True, exist_ok=True)
        (self.folder(dataset, name) / file).write_bytes(gzip.compress(text.encode()))


def copy_first_row(delta):
    """Put a row into the table twice."""
    rows = delta.to_pyarrow_table()
    write_deltalake(delta, rows.slice(0, 1), mode="append")


def failed_steps(result):
    """What the failed steps of a run said, by step."""
    return {
        event.step_key: said.description
        if (said := event.step_failure_data.user_failure_data)
        else event.step_failure_data.error.to_string()
        for event in result.all_events
        if event.is_step_failure
    }
