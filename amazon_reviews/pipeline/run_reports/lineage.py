"""Run events of OpenLineage, configured by the variables of its client.

A Dagster run is a run of OpenLineage, and so is each of its steps that writes outputs, with the run
as its parent. The datasets are the tables at their location, the folders of the landing zone, the
hub, and the tables of the warehouse.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from amazon_reviews.config import BigQueryAddress, Settings, is_remote
from amazon_reviews.errors import one_line
from amazon_reviews.pipeline.datasets import DATASETS, STREAM
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.run_reports.report import ColumnLineage, Ending, Run, Step, Written
from amazon_reviews.redaction import redacted
from amazon_reviews.resources.background_sender import BackgroundSender
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.tracing import EXTRA
from amazon_reviews.schemas import PUBLISHED, TABLES

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.generated.base import InputDataset, OutputDataset, RunFacet

NAMESPACE = "amazon_reviews"
"""The namespace of the jobs, unless OPENLINEAGE_NAMESPACE names another one."""

_PRODUCER = f"urn:amazon-reviews:{version('amazon-reviews')}"
_INPUTS = {output.key: output.all_inputs for output in OUTPUTS}
_FOLDERS = {dataset.bronze: dataset.folder for dataset in DATASETS}
_PUBLISHED = {f"warehouse/{table.name}": table for table in PUBLISHED}
_ENDINGS = {Ending.SUCCESS: "COMPLETE", Ending.FAILURE: "FAIL", Ending.CANCELED: "ABORT"}
_log = logging.getLogger(__name__)


def is_configured(environ: Mapping[str, str]) -> bool:
    """Return True if the variables name where events go."""
    return environ.get("OPENLINEAGE_DISABLED", "").lower().strip() != "true" and any(
        value and (name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG") or "__TRANSPORT" in name)
        for name, value in environ.items()
        if name.startswith("OPENLINEAGE_")
    )


def lineage_events(settings: Settings) -> "LineageEvents | None":
    """Return what makes and sends the events, None if nothing is configured."""
    if not is_configured(os.environ):
        return None
    try:
        from openlineage.client import OpenLineageClient
    except ImportError:
        _log.warning("OpenLineage is configured, but its package is missing: %s", EXTRA)
        return None
    # The sender logs that events are not sent; the client would log every attempt.
    logging.getLogger("openlineage").setLevel(logging.CRITICAL)
    before = {*os.environ}
    try:
        client = OpenLineageClient()
    except Exception as error:  # noqa: BLE001 - the client reads its configuration in many ways
        text = redacted(one_line(error))
        _log.warning("the configuration of OpenLineage cannot be used: %s", text)
        return None
    finally:
        # The client copies its address and key to further variables, which child processes get.
        for name in {*os.environ} - before:
            del os.environ[name]

    def send(events: Sequence["RunEvent"]) -> None:
        for event in events:
            client.emit(event)

    sender = BackgroundSender("OpenLineage events", send)
    return LineageEvents(settings, sender.put)


class LineageEvents:
    """Makes OpenLineage events of runs and steps."""

    def __init__(self, settings: Settings, emit: Callable[["RunEvent"], None]) -> None:
        self._settings = settings
        self._emit = emit
        self._namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or NAMESPACE

    def run_started(self, run: Run, at: float) -> None:
        """See `Observer`."""
        self._send("START", at, run.id, run.job)

    def step_started(self, step: Step, at: float) -> None:
        """See `Observer`."""
        outputs = {key: Written(key, at) for key in step.outputs}
        self._send_of_step("START", at, step, outputs, None)

    def step_ended(
        self, step: Step, at: float, written: Mapping[str, Written], error: str | None
    ) -> None:
        """See `Observer`."""
        self._send_of_step("FAIL" if error else "COMPLETE", at, step, written, error)

    def run_ended(self, run: Run, at: float, ending: Ending, error: str | None) -> None:
        """See `Observer`."""
        self._send(_ENDINGS[ending], at, run.id, run.job, error=error)

    def _send_of_step(
        self, kind: str, at: float, step: Step, outputs: Mapping[str, Written], error: str | None
    ) -> None:
        from openlineage.client.facet_v2 import parent_run

        parent = parent_run.ParentRunFacet(
            run=parent_run.Run(runId=step.run.id),
            job=parent_run.Job(namespace=self._namespace, name=step.run.job),
        )
        keys = {*step.outputs, *outputs}
        inputs = {name for key in keys for name in self._inputs(key)}
        self._send(
            kind,
            at,
            str(uuid5(UUID(step.run.id), step.name)),
            step.name,
            error=error,
            facets={"parent": parent},
            inputs=[_input(*place) for place in sorted(inputs)],
            outputs=[self._output(written) for written in outputs.values()],
        )

    def _send(
        self,
        kind: str,
        at: float,
        run_id: str,
        job: str,
        *,
        error: str | None = None,
        facets: Mapping[str, "RunFacet"] | None = None,
        inputs: Sequence["InputDataset"] = (),
        outputs: Sequence["OutputDataset"] = (),
    ) -> None:
        from openlineage.client import event_v2, set_producer
        from openlineage.client.facet_v2 import error_message_run

        set_producer(_PRODUCER)
        run_facets = dict(facets or {})
        if error:
            run_facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(error, "Python")
        self._emit(
            event_v2.RunEvent(
                eventTime=datetime.fromtimestamp(at, UTC).isoformat(),
                producer=_PRODUCER,
                run=event_v2.Run(run_id, run_facets),
                job=event_v2.Job(self._namespace, job),
                eventType=event_v2.RunState[kind],
                inputs=[*inputs],
                outputs=[*outputs],
            )
        )

    def _inputs(self, key: str) -> list[tuple[str, str]]:
        """Return the datasets that an output is built from."""
        places = [self.dataset(name) for name in _INPUTS.get(key, ())]
        if key in _FOLDERS:
            places.append(_place(self._settings.landing, _FOLDERS[key]))
        hub = EventHub(self._settings.event_hub.get_secret_value()).name
        if key == STREAM.bronze and hub:
            namespace, _, name = hub.partition("/")
            places.append((f"sb://{namespace}", name))
        return places

    def dataset(self, key: str) -> tuple[str, str]:
        """Return namespace and name of the dataset of an output, as OpenLineage names them."""
        if key in TABLES:
            return _place(self._settings.lakehouse, key)
        if key in _PUBLISHED:
            warehouse = self._settings.warehouse
            if warehouse.startswith("bigquery://"):
                address = BigQueryAddress.of(warehouse)
                name = f"{address.project}.{address.dataset}.{_PUBLISHED[key].name}"
                return "bigquery", name
            return warehouse, _PUBLISHED[key].key.replace("/", ".")
        return self._namespace, key

    def _output(self, written: Written) -> "OutputDataset":
        from openlineage.client import event_v2
        from openlineage.client.facet_v2 import (
            dataset_version_dataset,
            output_statistics_output_dataset,
        )

        namespace, name = self.dataset(written.key)
        facets: dict[str, Any] = {}
        table = TABLES.get(written.key) or _PUBLISHED.get(written.key)
        if table:
            facets["schema"] = _schema(
                [(c.name, str(c.type), c.description) for c in table.columns]
            )
        if written.columns:
            facets["columnLineage"] = self._column_lineage(written.columns)
        if written.version is not None:
            facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(
                str(written.version)
            )
        statistics = {}
        if written.rows is not None:
            statistics["outputStatistics"] = (
                output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(written.rows)
            )
        return event_v2.OutputDataset(namespace, name, facets=facets, outputFacets=dict(statistics))

    def _column_lineage(self, columns: ColumnLineage) -> Any:
        from openlineage.client.facet_v2 import column_lineage_dataset as facet

        return facet.ColumnLineageDatasetFacet(
            fields={
                column: facet.Fields(
                    [facet.InputField(*self.dataset(key), field) for key, field in sources]
                )
                for column, sources in columns.items()
            }
        )


def _schema(columns: Sequence[tuple[str, str, str]]) -> Any:
    from openlineage.client.facet_v2 import schema_dataset as facet

    return facet.SchemaDatasetFacet([facet.SchemaDatasetFacetFields(*c) for c in columns])


def _input(namespace: str, name: str) -> "InputDataset":
    from openlineage.client import event_v2

    return event_v2.InputDataset(namespace, name)


def _place(location: str, path: str) -> tuple[str, str]:
    """Return namespace and name of a folder in a location."""
    if not is_remote(location):
        return "file", str(Path(location, path))
    parts = urlsplit(location)
    return f"{parts.scheme}://{parts.netloc}", f"{parts.path}/{path}".lstrip("/")
