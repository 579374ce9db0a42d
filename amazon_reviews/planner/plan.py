"""Comparison of what the inputs are now with what each output was built from."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

from amazon_reviews.planner.model import Found, Output, Plan, State, Work, name_of
from amazon_reviews.planner.verdicts import failed_check, unpassed_partitions, unrun_check
from amazon_reviews.schemas.built import WHOLE, Records, code_of

_ABSENT = Found(Records())
_PENDING = " is pending"

Reasons = dict[str, str]
"""Partitions, each with the reason."""


def make_plan(
    outputs: Sequence[Output],
    state: State,
    *,
    rebuild: Mapping[str, Collection[str]] | None = None,
    code_changed: bool = False,
    settled: Collection[tuple[str, str]] = (),
    selected: Collection[str] | None = None,
) -> Plan:
    """Return the work that is pending.

    Args:
        outputs: all outputs, in any order.
        state: what is there.
        rebuild: partitions to build again in any case, by key of their output; `WHOLE` among them
            stands for all.
        code_changed: True to build again what code of another version has built.
        settled: key and partition of work that was tried: it is not pending any more, and what is
            built from it goes on with what is there.
        selected: keys of the outputs that may be built, by default all.
    """
    keys = {output.key for output in outputs} if selected is None else set(selected)
    planner = _Planner(outputs, state, rebuild or {}, code_changed, settled, keys)
    return planner.plan()


def in_build_order(outputs: Sequence[Output]) -> list[Output]:
    """Return outputs so that each follows its inputs."""
    by_key = {output.key: output for output in outputs}
    above = {key: sorted(output.all_inputs) for key, output in by_key.items()}
    return [by_key[key] for key in TopologicalSorter(above).static_order()]


class _Planner:
    """One pass over the outputs, each after its inputs."""

    def __init__(
        self,
        outputs: Sequence[Output],
        state: State,
        rebuild: Mapping[str, Collection[str]],
        code_changed: bool,
        settled: Iterable[tuple[str, str]],
        selected: set[str],
    ) -> None:
        self._by_key = {output.key: output for output in outputs}
        self._state = state
        self._rebuild = rebuild
        self._code_changed = code_changed
        self._settled: dict[str, set[str]] = {key: set() for key in self._by_key}
        for key, partition in settled:
            self._settled.setdefault(key, set()).add(partition)
        self._selected = selected
        self._pending: dict[str, dict[str, Work]] = {}
        # By key: the partitions that nothing may be built from.
        self._blocked: dict[str, Reasons] = {}
        self._used = self._used_partitions()
        self._lost: dict[str, str] = {}
        self._outdated: dict[str, int] = {}

    def plan(self) -> Plan:
        """Return the plan of all outputs."""
        order = in_build_order([*self._by_key.values()])
        for output in order:
            partitions = self._partitions(output)
            works = self._works(output, partitions, self._used[output.key])
            self._pending[output.key] = {work.partition: work for work in works}
            self._blocked[output.key] = self._blocks(output, partitions)
        work = tuple(work for output in order for work in self._pending[output.key].values())
        pins = {output.key: self._found(output.key).pinned for output in order}
        pinned = {key: version for key, version in pins.items() if version is not None}
        return Plan(work, self._lost, self._outdated, pinned)

    def _used_partitions(self) -> dict[str, set[str]]:
        """Return the partitions of each output that another output says it was built from."""
        used: dict[str, set[str]] = {key: set() for key in self._by_key}
        for key, output in self._by_key.items():
            inputs = self._found(key).records.inputs
            for name in output.all_inputs:
                built = inputs.get(name, {})
                if self._by_partition(output, name):
                    used[name] |= {part for part, version in built.items() if version and part}
                elif any(built.values()):
                    used[name].add(WHOLE)
        return used

    def _works(self, output: Output, partitions: Mapping[str, None], used: set[str]) -> list[Work]:
        """Return the pending work of an output; note what of it is lost and what is outdated."""
        found = self._found(output.key)
        lost = self._find_lost(output, partitions, used)
        self._lost |= {name_of(output.key, partition): why for partition, why in lost.items()}
        if lost and WHOLE in found.damage:
            # To build a part of it would remove what a person may still save.
            return []
        is_pinned = found.pinned is not None
        outdated = [] if is_pinned else _outdated(output, found.records, partitions)
        if outdated:
            self._outdated[output.key] = len(outdated)
        if output.key not in self._selected:
            return []
        rebuilt: Reasons = {}
        reasons: Reasons = {}
        if not is_pinned:
            rebuilt = self._rebuilds(output, partitions, outdated)
            arrived = self._state.arrived.get(output.key, {})
            reasons = {**self._changes(output, partitions), **rebuilt, **arrived}
        done = lost.keys() | self._settled[output.key]
        works = [
            self._work(output, partition, reasons[partition], rebuilds=partition in rebuilt)
            for partition in (partitions if reasons else ())
            if partition in reasons and partition not in done
        ]
        unchecked = unrun_check(output.table_checks, found.records)
        # The build of a partition checks the table as well, but a blocked one may never come.
        if unchecked and WHOLE not in done and all(work.blocked for work in works):
            version = found.records.versions[WHOLE]
            works.append(
                Work(
                    key=output.key,
                    partition=WHOLE,
                    reason=unchecked,
                    inputs=((output.key, version),),
                    version=version,
                    only_checks=True,
                )
            )
        return works

    def _work(self, output: Output, partition: str, reason: str, *, rebuilds: bool) -> Work:
        # The partition of each input; `WHOLE` stands for all of one.
        used = [
            (key, partition if self._by_partition(output, key) else WHOLE)
            for key in output.inputs_of(partition)
        ]
        return Work(
            key=output.key,
            partition=partition,
            reason=reason,
            waits_on=tuple(key for key, part in used if _has(self._pending[key], part)),
            blocked=next(
                filter(None, (_first(self._blocked[key], part) for key, part in used)), ""
            ),
            inputs=tuple((key, self._version(key, part)) for key, part in used),
            version=self._version(output.key, partition) or self._version(output.key, WHOLE),
            pace=output.pace,
            rebuilds=rebuilds,
            follows=reason.endswith(_PENDING),
            is_first=not self._version(output.key, WHOLE) and not self._used[output.key],
        )

    def _found(self, key: str) -> Found:
        return self._state.found.get(key, _ABSENT)

    def _version(self, key: str, partition: str) -> int:
        return self._found(key).records.versions.get(partition, 0)

    def _by_partition(self, output: Output, key: str) -> bool:
        """Return True if each partition is built from the same partition of this input."""
        return output.partitioned and self._by_key[key].partitioned

    def _partitions(self, output: Output) -> dict[str, None]:
        """Return the partitions that should exist and can be built from what is there."""
        partitions = {} if output.partitioned else {WHOLE: None}
        if output.partitioned:
            partitions |= dict.fromkeys(self._state.arrived.get(output.key, ()))
            if output.arrives:
                partitions |= dict.fromkeys(self._found(output.key).records.versions)
            for key in output.inputs:
                if self._by_key[key].partitioned:
                    partitions |= dict.fromkeys(self._found(key).records.versions)
                    partitions |= dict.fromkeys(self._pending[key])
            for partition, key in output.partition_inputs:
                work = self._pending[key].get(WHOLE)
                if self._version(key, WHOLE) or (work and any(v for _, v in work.inputs)):
                    partitions[partition] = None
            partitions.pop(WHOLE, None)
        for partition in self._without_input(output):
            partitions.pop(partition, None)
        return partitions

    def _without_input(self, output: Output) -> set[str]:
        """Return the partitions that were built from an input that is gone and is not pending.

        They stay as they are: built again, they would have less than before.
        """
        without: set[str] = set()
        for key in output.all_inputs:
            built = self._found(output.key).records.inputs.get(key, {})
            now, pending = self._found(key).records.versions, self._pending[key]
            if self._by_partition(output, key):
                gone = built.keys() - now.keys() - pending.keys()
            else:
                gone = set() if now.get(WHOLE) or pending else {*built}
            without |= {partition for partition in gone if built[partition]}
        return without

    def _find_lost(self, output: Output, partitions: Mapping[str, None], used: set[str]) -> Reasons:
        """Return what is damaged, or missing and in use, and cannot be built again."""
        if self._found(output.key).pinned is not None:
            damage = self._found(output.key).damage
            return {partition: f"{why}, and it is pinned" for partition, why in damage.items()}
        if output.arrives and output.partitioned and output.key not in self._state.arrived:
            # The landing zone was not looked at: it may have the files.
            return {}
        found = self._found(output.key)
        damage, versions = found.damage, found.records.versions
        # Nothing of a damaged whole counts as there.
        broken = used | versions.keys() | {WHOLE} if WHOLE in damage else used - versions.keys()
        possible: Collection[str] = partitions
        end = ", and what it was built from is missing"
        if output.arrives:
            # Events can be read once, and the files of a partition as long as they are there.
            broken |= damage.keys()
            possible = self._state.arrived.get(output.key, ()) if output.partitioned else ()
            end = ", and its files are not in the landing zone" if output.partitioned else ""
        lost = broken.difference(possible)
        if output.partitioned and partitions:
            lost.discard(WHOLE)
        whole = damage.get(WHOLE, "it is missing")
        return {partition: f"{damage.get(partition, whole)}{end}" for partition in sorted(lost)}

    def _rebuilds(
        self, output: Output, partitions: Mapping[str, None], outdated: Iterable[str]
    ) -> Reasons:
        """Return the partitions whose rows must be built again even if no input changed."""
        found = self._found(output.key)
        records, damage = found.records, found.damage
        requested = self._rebuild.get(output.key, ())
        reasons: Reasons = {}
        # A later reason replaces an earlier one.
        if self._code_changed:
            reasons |= dict.fromkeys(outdated, f"its code changed to version {output.code_version}")
        if failed := failed_check(output.table_checks, records):
            reasons |= dict.fromkeys(partitions, failed)
        reasons |= unpassed_partitions(output, records)
        inputs = output.all_inputs
        possible = not inputs or any(
            key in self._state.found or self._pending[key] for key in inputs
        )
        if output.key not in self._state.found and possible:
            reasons |= dict.fromkeys(partitions, "it is missing")
        elif output.partitioned:
            new = partitions.keys() - records.versions.keys()
            reasons |= dict.fromkeys(new, "it was not built yet")
        reasons |= dict.fromkeys(partitions, damage[WHOLE]) if WHOLE in damage else damage
        reasons |= dict.fromkeys(
            partitions if WHOLE in requested else requested, "it was requested"
        )
        return reasons

    def _changes(self, output: Output, partitions: Mapping[str, None]) -> Reasons:
        """Return the partitions of which an input is pending, or newer than they are."""
        reasons: Reasons = {}
        for key in reversed(output.all_inputs):
            only = {part for part, name in output.partition_inputs if name == key}
            concerned = partitions.keys() & only if only else partitions
            reasons |= self._changes_of(output, key, concerned)
        return reasons

    def _changes_of(self, output: Output, key: str, partitions: Iterable[str]) -> Reasons:
        """Return the partitions that were built from another version of an input than is there."""
        built = self._found(output.key).records.inputs.get(key, {})
        now = self._found(key).records.versions
        coming = {p: work for p, work in self._pending[key].items() if not work.only_checks}
        if self._by_partition(output, key):
            newer = {
                p: f"{key}[{p}] is newer"
                for p in partitions
                if (version := now.get(p)) and built.get(p) != version
            }
            return newer | {p: f"{work.name}{_PENDING}" for p, work in coming.items()}
        if coming:
            first = next(iter(coming.values()))
            return dict.fromkeys(partitions, f"{first.name}{_PENDING}")
        version = now.get(WHOLE, 0)
        stale = (p for p in partitions if version and built.get(p) != version)
        return dict.fromkeys(stale, f"{key} is newer")

    def _blocks(self, output: Output, partitions: Mapping[str, None]) -> Reasons:
        """Return the partitions below which nothing may be built; `WHOLE` stands for all."""
        records, pending = self._found(output.key).records, self._pending[output.key]
        blocks = {
            partition: f"{name_of(output.key, partition)}: {why}"
            for partition, why in unpassed_partitions(output, records).items()
            if partition not in pending
        }
        why = failed_check(output.table_checks, records) or unrun_check(
            output.table_checks, records
        )
        if why and WHOLE not in pending:
            blocks[WHOLE] = f"{output.key}: {why}"
        if not (output.arrives or output.optional):
            # What should be there could not be built: what is built from it would shrink.
            tried = self._settled[output.key] & partitions.keys() - records.versions.keys()
            for partition in sorted(tried - {WHOLE}):
                blocks[partition] = f"{name_of(output.key, partition)}, which is missing"
        return blocks


def _has(pending: Mapping[str, Work], partition: str) -> bool:
    """Return True if there is work of a partition, or any if it is `WHOLE`."""
    if partition == WHOLE:
        return bool(pending)
    return partition in pending or WHOLE in pending


def _first(blocked: Reasons, partition: str) -> str:
    """Return why nothing may be built from a partition, or from any part if it is `WHOLE`."""
    if partition == WHOLE:
        return next(iter(blocked.values()), "")
    return blocked.get(partition) or blocked.get(WHOLE, "")


def _outdated(output: Output, records: Records, partitions: Iterable[str]) -> list[str]:
    """Return the partitions that code of another version has built; a copy has no code."""
    if not output.code_version:
        return []
    versions = records.versions
    return [
        partition
        for partition in partitions
        if (version := versions.get(partition)) and code_of(version) != output.code_version
    ]
