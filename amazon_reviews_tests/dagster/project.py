"""A whole project in one folder, with a Dagster instance in memory."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from deltalake import DeltaTable, write_deltalake

from amazon_reviews import config
from amazon_reviews.definitions import definitions
from amazon_reviews.defs.partitions import (
    GOLD_REVIEW_PARTITIONS,
    PARTITIONS,
    RANGE_END,
    RANGE_START,
    add_missing,
    range_tags,
)
from amazon_reviews.defs.resources import places_of
from amazon_reviews.defs.run_options import MORE_PARTITIONS
from amazon_reviews.headless.runner import HeadlessRun, Outcome, Rebuild
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import content

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
TABLES_OF_USERS = ("gold/reviews", "gold/products", "silver/rejected")

_MODELS = "group:sentiment+ or group:recommender+ or group:titles or key:report/titles"
LAYERS = f"not (group:marts+ or {_MODELS})"
MARTS = f"not ({_MODELS}) or key:report/reviews"
RATINGS_MODEL = "key:gold/title_ratings_model or key:model/title_ratings"
TITLES = (
    f"(group:titles and not ({RATINGS_MODEL})) "
    "or key:warehouse/titles or key:warehouse/title_actors or key:report/titles"
)


def environment(root: Path) -> dict[str, str]:
    """Return the settings of a project in the folder `root`, as environment variables."""
    return {
        "AMAZON_REVIEWS_LANDING": str(root / "landing"),
        "AMAZON_REVIEWS_LAKEHOUSE": str(root / "lakehouse"),
        "AMAZON_REVIEWS_WAREHOUSE": f"duckdb:///{root}/warehouse.duckdb",
        "AMAZON_REVIEWS_REPORT": str(root / "report.html"),
        "AMAZON_REVIEWS_MODELS": str(root / "models"),
        "DAGSTER_HOME": str(root / "dagster"),
    }


class Project:
    """The landing zone, lakehouse, warehouse and Dagster instance of a project."""

    def __init__(self, root: Path, **settings: str) -> None:
        """Create the landing zone; `settings` are further environment variables."""
        self.root = root
        self.settings = config.load(environment(root) | settings)
        self.defs = definitions(self.settings)
        self.instance = dg.DagsterInstance.ephemeral()
        self.landing = LandingZone(location=self.settings.landing)
        self.lakehouse = Lakehouse(location=self.settings.lakehouse)
        self.job = self.defs.resolve_implicit_global_asset_job_def()
        self.graph = self.defs.resolve_asset_graph()
        Path(self.settings.landing).mkdir(parents=True, exist_ok=True)

    def add_partitions(self, dataset: str, *names: str) -> None:
        """Add these partitions of a dataset to the instance."""
        add_missing(self.instance, PARTITIONS[dataset], names)
        if dataset == "reviews":
            add_missing(self.instance, GOLD_REVIEW_PARTITIONS, names)

    def add_all_partitions(self) -> None:
        """Add all partitions of reviews and products in the landing zone to the instance."""
        self.add_partitions("reviews", *self.landing.partitions("amazon_reviews"))
        self.add_partitions("products", *self.landing.partitions("amazon_metadata"))

    def remember(self, other: "Project") -> None:
        """Add all partitions and the materializations of another project to the instance."""
        self.add_all_partitions()
        self.report(other)

    def report(self, other: "Project") -> None:
        """Add the materializations of another project to the instance."""
        for key in (key for level in self.graph.toposorted_asset_keys_by_level for key in level):
            records = other.instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key), 1000
            ).records
            for record in reversed(records):
                assert record.asset_materialization
                self.instance.report_runless_asset_event(record.asset_materialization)

    def materialize(
        self,
        *keys: str,
        partitions: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run once for these tables, and for the range of these partitions."""
        return self.job.execute_in_process(
            asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
            instance=self.instance,
            tags=range_tags(partitions) if partitions else {},
            raise_on_error=False,
            run_config={**QUIET, **(config or {})},
        )

    def tick(self, sensor: dg.SensorDefinition, cursor: str | None = None) -> SensorExecutionData:
        """Evaluate a sensor once, as the daemon does."""
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=cursor,
            sensor_name=sensor.name,
            repository_def=self.defs.get_repository_def(),
            resources={
                name: (self.defs.resources or {})[name] for name in sensor.required_resource_keys
            },
        ) as context:
            return sensor.evaluate_tick(context)

    def execute(
        self, request: dg.RunRequest, job_name: str | None = None
    ) -> dg.ExecuteInProcessResult:
        """Execute a run request of a sensor or schedule, as the daemon does."""
        job = self.defs.resolve_job_def(str(request.job_name or job_name))
        if request.asset_selection is not None:
            checks = request.asset_check_keys
            job = job.get_subset(
                asset_selection=set(request.asset_selection),
                asset_check_selection=None if checks is None else set(checks),
            )
        return job.execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            tags=dict(request.tags),
            raise_on_error=False,
            run_config={**request.run_config, **QUIET},
            resources=self.defs.resources,
        )

    def headless(
        self, select: str = LAYERS, rebuild: Rebuild | None = None, *, code_changed: bool = False
    ) -> HeadlessRun:
        """Return a headless run, by default for the layers without marts and models."""
        selection = dg.AssetSelection.from_string(select)
        places = places_of(self.settings)
        return HeadlessRun(
            self.defs, places, self.instance, selection, rebuild, code_changed=code_changed
        )

    def run(
        self, select: str = LAYERS, rebuild: Rebuild | None = None, *, code_changed: bool = False
    ) -> Outcome:
        """Run headless, by default for the layers without marts and models."""
        headless = self.headless(select, rebuild, code_changed=code_changed)
        return headless.run(lambda stage: lambda name: None, lambda stage, seconds: None)

    def check(
        self, *keys: str, names: Iterable[str] | None = None
    ) -> dict[str, dg.AssetCheckEvaluation]:
        """Run checks of these tables without materializing them; return results by name."""
        checks = self.graph.get_check_keys_for_assets({dg.AssetKey(k.split("/")) for k in keys})
        chosen = {key for key in checks if key.name in (names or {key.name} - {"accounted"})}
        job = self.job.get_subset(asset_selection=set(), asset_check_selection=chosen)
        result = job.execute_in_process(
            instance=self.instance,
            run_config=QUIET,
            raise_on_error=False,
            resources=self.defs.resources,
        )
        evaluations = result.get_asset_check_evaluations()
        return {evaluation.check_name: evaluation for evaluation in evaluations}

    def materialized(self, key: str) -> Counter[str | None]:
        """Count the materializations of each partition; None stands for a whole table."""
        return Counter(record.partition_key for record in self._records(key))

    def metadata(self, key: str) -> dict[str | None, dict[str, Any]]:
        """Return the newest metadata of each partition, as plain values."""
        metadata = {}
        for record in reversed(self._records(key)):
            assert record.asset_materialization
            values = record.asset_materialization.metadata.items()
            metadata[record.partition_key] = {name: value.value for name, value in values}
        return metadata

    def _records(self, key: str) -> Sequence[dg.EventLogRecord]:
        of_table = dg.AssetRecordsFilter(asset_key=dg.AssetKey(key.split("/")))
        return self.instance.fetch_materializations(of_table, limit=1000).records

    def versions(self) -> dict[str, int | None]:
        """Return the Delta version of every existing table."""
        root = Path(self.settings.lakehouse)
        logs = root.glob("*/*/_delta_log")
        keys = sorted(str(log.parent.relative_to(root)) for log in logs)
        return {key: self.lakehouse.version(key) for key in keys}

    def content(self) -> dict[str, Counter[Any]]:
        """Return the rows of the tables that users read, as multisets."""
        return {key: content(self.lakehouse, key) for key in TABLES_OF_USERS}

    def folder(self, dataset: str, name: str) -> Path:
        """Return a folder of the landing zone."""
        return Path(self.settings.landing) / dataset / name

    def break_off(self, dataset: str, name: str) -> str:
        """Cut the end off a file of the partition; return its name."""
        path = sorted(self.folder(dataset, name).iterdir())[0]
        path.write_bytes(path.read_bytes()[:-20])
        return path.name

    def add_file(
        self, dataset: str, name: str, *records: object, file: str = "later.json.gz"
    ) -> None:
        """Write one more file to the partition."""
        text = "".join(json.dumps(record) + "\n" for record in records)
        self.folder(dataset, name).mkdir(parents=True, exist_ok=True)
        (self.folder(dataset, name) / file).write_bytes(gzip.compress(text.encode()))


def requested(requests: Iterable[dg.RunRequest]) -> list[str]:
    """Return the assets of each run that is asked for, with its range and further partitions."""
    texts = []
    for request in requests:
        text = " ".join(key.to_user_string() for key in request.asset_selection or ())
        if RANGE_START in request.tags:
            text += f" {request.tags[RANGE_START]}..{request.tags[RANGE_END]}"
        for options in request.run_config.get("ops", {}).values():
            text += "".join(f" {name}" for name in options["config"].get(MORE_PARTITIONS, ()))
        texts.append(text)
    return texts


def start_run(
    instance: dg.DagsterInstance,
    *keys: str,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
    job_name: str = "__ASSET_JOB",
    tags: Mapping[str, str] | None = None,
    run_config: Mapping[str, Any] | None = None,
) -> str:
    """Add a run of these assets that has not ended to the instance, and return its id."""
    code = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository")
    run = dg.DagsterRun(
        job_name,
        status=status,
        asset_selection=frozenset(dg.AssetKey(key.split("/")) for key in keys) or None,
        tags=tags,
        run_config=run_config,
        remote_job_origin=RemoteJobOrigin(code, job_name),
    )
    return instance.add_run(run).run_id


def copy_first_row(delta: DeltaTable) -> None:
    """Append the first row of the table to it."""
    rows = delta.to_pyarrow_table()
    write_deltalake(delta, rows.slice(0, 1), mode="append")


def failed_steps(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Return the error of each failed step of a run."""
    errors = {}
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            described = failure.user_failure_data and failure.user_failure_data.description
            errors[str(event.step_key)] = described or str(
                failure.error and failure.error.to_string()
            )
    return errors
