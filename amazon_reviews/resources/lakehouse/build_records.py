"""The build records that a commit adds to a Delta log, as transaction versions."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from deltalake import CommitProperties, Transaction

from amazon_reviews.resources.lakehouse.log import check_id, input_id, version_id
from amazon_reviews.schemas.built import Records

BuiltFrom: TypeAlias = Mapping[str, Mapping[str, int]]
"""The versions of inputs by partition, or `WHOLE`, and by key of the input."""


def new_records(built: BuiltFrom, version: int) -> dict[str, int]:
    """Return the transactions that give partitions a version, built from these inputs."""
    return {version_id(partition): version for partition in built} | {
        input_id(partition, key): used
        for partition, inputs in built.items()
        for key, used in inputs.items()
    }


def changed_records(
    records: Records, built: BuiltFrom, checks: Mapping[str, Mapping[str, bool]], version: int
) -> dict[str, int]:
    """Return the transactions that differ from the records that a table has.

    A partition without records gets `version`. A check judges the present version of a partition.
    """
    changes: dict[str, int] = {}
    for partition, inputs in built.items():
        if partition not in records.versions:
            changes[version_id(partition)] = version
        for key, used in inputs.items():
            if records.inputs.get(key, {}).get(partition) != used:
                changes[input_id(partition, key)] = used
    for partition, verdicts in checks.items():
        judged = records.versions.get(partition, changes.get(version_id(partition), 0))
        for name, passed in verdicts.items():
            verdict = judged if passed else -judged
            if records.checks.get(name, {}).get(partition) != verdict:
                changes[check_id(partition, name)] = verdict
    return changes


def removed_records(records: Records, partitions: Iterable[str]) -> dict[str, int]:
    """Return the transactions that remove the records of partitions.

    Delta keeps the newest version of each id for good; 0 stands for a record that was removed.
    """
    ids: list[str] = []
    for name in partitions:
        ids.append(version_id(name))
        ids += [input_id(name, key) for key, built in records.inputs.items() if name in built]
        ids += [check_id(name, check) for check, by in records.checks.items() if name in by]
    return dict.fromkeys(ids, 0)


def commit_of(transaction_versions: Mapping[str, int]) -> CommitProperties:
    """Return the properties of a commit that records versions of transactions."""
    transactions = [Transaction(*version) for version in transaction_versions.items()]
    return CommitProperties(app_transactions=transactions)
