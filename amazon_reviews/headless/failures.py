"""The failures of a run, each in one line; what the engine and libraries add is in the log file."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from amazon_reviews import error_log
from amazon_reviews.defs.dagster_private import StepFailureData
from amazon_reviews.errors import OWN_CLASS, EngineError, joined, shortened
from amazon_reviews.pipeline.reconciliation import ROWS_KEPT
from amazon_reviews.redaction import redacted


def failures_of(result: dg.ExecuteInProcessResult, home: Path) -> Iterator[str]:
    """Yield the failed steps and checks of a run; `home` is the folder of the log file."""
    for event in result.all_events:
        if event.is_step_failure and not _is_check(event.step_failure_data):
            reason = _reason(event.step_failure_data, home)
            yield f"{str(event.step_key).replace('__', '/')}: {reason}"
    for check in result.get_asset_check_evaluations():
        # `run` reports partitions without kept rows at its end, also when nothing was built.
        if check.check_name == ROWS_KEPT:
            continue
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            reason = f": {check.description}" if check.description else ""
            yield f"{check.asset_key.to_user_string()}: check {check.check_name} failed{reason}"


def _is_check(failure: StepFailureData) -> bool:
    """Return True if a blocking check failed the step; the check has a failure of its own."""
    return bool(failure.error and failure.error.cls_name == "DagsterAssetCheckFailedError")


def _reason(failure: StepFailureData, home: Path) -> str:
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error and (failure.error.cause or failure.error)
    if error is None:
        return "failed"
    text, is_own = OWN_CLASS.subn("", joined(redacted(str(error.message))))
    if is_own and error.cls_name != EngineError.__name__:
        return text
    text = text if is_own else shortened(text)
    log = error_log.write(home, error.to_string())
    return f"{text} (the details are in {log})" if log else text
