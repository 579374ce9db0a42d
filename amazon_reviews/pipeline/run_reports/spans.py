"""A span for each run, and below it a span for each output that the run writes."""

from collections.abc import Mapping

from opentelemetry.trace import Span, StatusCode, Tracer, set_span_in_context

from amazon_reviews.pipeline.run_reports.report import Ending, Run, Step, Written

_NANOSECONDS = 10**9


class RunSpans:
    """Makes spans of the runs of this process."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._runs: dict[str, Span] = {}
        self._started_at: dict[Step, float] = {}

    def run_started(self, run: Run, at: float) -> None:
        """See `Observer`."""
        attributes = {"dagster.run_id": run.id, "dagster.job": run.job}
        self._runs[run.id] = self._tracer.start_span(
            f"run {run.job}", start_time=_time(at), attributes=attributes
        )

    def step_started(self, step: Step, at: float) -> None:
        """See `Observer`."""
        self._started_at[step] = at

    def step_ended(
        self, step: Step, at: float, written: Mapping[str, Written], error: str | None
    ) -> None:
        """See `Observer`; the outputs of a step are written one after the other."""
        start = self._started_at.pop(step)
        in_order = sorted(written.values(), key=lambda output: output.at)
        missing = [key for key in step.outputs if key not in written]
        for output in in_order:
            is_last = output is in_order[-1] and not (error and missing)
            end = at if is_last else output.at
            self._add(step, output, (start, end), error if is_last else None)
            start = end
        if error and missing:
            # It is not known at which of several outputs the step failed.
            key = missing[0] if len(missing) == 1 else step.name
            self._add(step, Written(key, at), (start, at), error)

    def run_ended(self, run: Run, at: float, ending: Ending, error: str | None) -> None:
        """See `Observer`."""
        if span := self._runs.pop(run.id, None):
            span.set_attribute("amazon_reviews.status", ending.value)
            span.set_status(StatusCode.OK if ending is Ending.SUCCESS else StatusCode.ERROR, error)
            span.end(_time(at))

    def _add(
        self, step: Step, output: Written, times: tuple[float, float], error: str | None
    ) -> None:
        figures = {"rows": output.rows, "rejected": output.rejected, "version": output.version}
        span = self._tracer.start_span(
            f"write {output.key}",
            context=set_span_in_context(self._runs[step.run.id]),
            start_time=_time(times[0]),
            attributes={
                "dagster.run_id": step.run.id,
                "amazon_reviews.asset": output.key,
                "amazon_reviews.partitions": output.partitions,
                "amazon_reviews.status": (Ending.FAILURE if error else Ending.SUCCESS).value,
                **{f"amazon_reviews.{n}": v for n, v in figures.items() if v is not None},
            },
        )
        span.set_status(StatusCode.ERROR if error else StatusCode.OK, error)
        span.end(_time(times[1]))


def _time(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
