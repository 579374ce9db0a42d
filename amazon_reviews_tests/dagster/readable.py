"""Rules for numbers in the metadata that the Dagster UI shows."""

import re
from collections.abc import Iterator

import dagster as dg

_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_DIGITS = 4


def unreadable_metadata(instance: dg.DagsterInstance) -> list[str]:
    """Return the metadata of all runs with long numbers, and sizes without a unit in the name."""
    return sorted({text for run in instance.get_runs() for text in _of_run(instance, run.run_id)})


def _of_run(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        if event and event.is_step_materialization:
            step = event.step_materialization_data.materialization
            name, metadata = step.asset_key.to_user_string(), step.metadata
        elif event and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            name, metadata = (
                f"{check.asset_key.to_user_string()} {check.check_name}",
                check.metadata,
            )
        else:
            continue
        for key, value in metadata.items():
            if "byte" in key:
                yield f"{name}: {key} has no unit"
            yield from (f"{name}: {key} is {number}" for number in _long_numbers(value.value))


def _long_numbers(value: object) -> Iterator[object]:
    if isinstance(value, float) and value != float(f"{value:.{_DIGITS}g}"):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _long_numbers(one)
    elif isinstance(value, str):
        for cell in re.split(r"[|\n]", value):
            text = cell.strip("` ")
            decimals = text.partition(".")[2]
            # Amounts of money and columns of figures have all their digits.
            if _NUMBER.fullmatch(text) and len(decimals) > 4:
                yield from _long_numbers(float(text))
