"""The verdicts of blocking checks on the present versions of an output."""

from collections.abc import Iterable

from amazon_reviews.planner.model import Output
from amazon_reviews.schemas.built import WHOLE, Records


def unpassed_partitions(output: Output, records: Records) -> dict[str, str]:
    """Return the partitions whose present version a check has not passed, each with the reason."""
    unpassed: dict[str, str] = {}
    # Segments of the stream have versions of their own in tables without partitions.
    versions = records.versions
    if not output.partitioned:
        versions = {WHOLE: versions.get(WHOLE, 0)}
    for name in reversed(output.checks):
        judged = records.checks.get(name, {})
        for partition, version in versions.items():
            if version and judged.get(partition) != version:
                failed = judged.get(partition) == -version
                unpassed[partition] = f"check {name} {'failed' if failed else 'was not run'}"
    if output.partitioned:
        unpassed.pop(WHOLE, None)
    return unpassed


def failed_check(checks: Iterable[str], records: Records) -> str:
    """Return the check that the present version of the whole failed, empty without one."""
    version = records.versions.get(WHOLE, 0)
    failed = (name for name in checks if records.checks.get(name, {}).get(WHOLE) == -version)
    return next((f"check {name} failed" for name in failed if version), "")


def unrun_check(checks: Iterable[str], records: Records) -> str:
    """Return the check that did not judge the present version of the whole, empty if all did."""
    version = records.versions.get(WHOLE, 0)
    judged = ((name, abs(records.checks.get(name, {}).get(WHOLE, 0))) for name in checks)
    missing = (name for name, judgement in judged if version and judgement != version)
    return next((f"check {name} was not run" for name in missing), "")
