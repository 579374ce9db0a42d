"""Comparison of what the inputs are now with what each output was built from."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter

from amazon_reviews.planner.model import Found, Output, Plan, State, Work, name_of
from amazon_reviews.schemas.built import WHOLE, Records, code_of

_ABSENT = Found(Records())
_PENDING = " is pending"


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
        rebuild: partitions to build again in any case, by key of their output.
        code_changed: True to build again what code of another version has built.
        settled: key and partition of work that was tried: it is not pending any more, and what is
            built from it goes on with what is there.
        selected: keys of the outputs that may be built, by default all.
    """
    keys = {output.key for output in outputs} if selected is None else set(selected)
    planner = _Planner(outputs, state, rebuild or {}, code_changed, frozenset(settled), keys)
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
        settled: frozenset[tuple[str, str]],
        selected: set[str],
    ) -> None:
        self._by_key = {output.key: output for output in outputs}
        self._state = state
        self._rebuild = rebuild
        self._code_changed = code_changed
        self._settled = settled
        self._selected = selected
        self._pending: dict[str, dict[str, Work]] = {}
        # By key: the partitions that nothing may be built from, each with the reason.
        self._blocked: dict[str, dict[str, str]] = {}
        self._lost: dict[str, str] = {}
        self._outdated: dict[str, int] = {}

    def plan(self) -> Plan:
        """Return the plan of all outputs."""
        order = in_build_order([*self._by_key.values()])
        used = self._used_partitions()
        for output in order:
            works = {work.partition: work for work in self._works(output, used[output.key])}
            self._pending[output.key] = works
            self._blocked[output.key] = dict(self._blocks(output))
        work = tuple(work for output in order for work in self._pending[output.key].values())
        return Plan(work, self._lost, self._outdated)

    def _used_partitions(self) -> dict[str, set[str]]:
        """Return the partitions of each output that another output says it was built from."""
        used: dict[str, set[str]] = {key: set() for key in self._by_key}
        for key, output in self._by_key.items():
            inputs = self._found(key).records.inputs
            for name in output.all_inputs:
                built = inputs.get(name, {})
                parts = self._by_key[name].partitioned and output.partitioned
                if parts and built:
                    used[name] |= {part for part, version in built.items() if version and part}
                elif any(built.values()):
                    used[name].add(WHOLE)
        return used

    def _works(self, output: Output, used: set[str]) -> Iterator[Work]:
        found = self._found(output.key)
        versions = found.records.versions
        partitions = self._partitions(output)
        lost = self._find_lost(output, partitions, used)
        self._lost |= {name_of(output.key, partition): why for partition, why in lost.items()}
        if lost and (WHOLE in found.damage or (WHOLE in lost and not versions)):
            # To build a part of it anew would remove what a person may still save.
            return
        reasons = self._reasons(output, partitions)
        if output.key not in self._selected:
            return
        for partition in partitions:
            if partition not in reasons or (output.key, partition) in self._settled:
                continue
            if partition in lost and partition not in self._state.arrived.get(output.key, ()):
                continue
            reason, anew = reasons[partition]
            yield Work(
                key=output.key,
                partition=partition,
                reason=reason,
                waits_on=self._waits_on(output, partition),
                blocked=self._blocked_by(output, partition),
                inputs=self._input_versions(output, partition),
                version=versions.get(partition, 0),
                pace=output.pace,
                anew=anew,
                follows=reason.endswith(_PENDING),
                is_first=not (versions or used or found.damage),
            )
        unchecked = _unchecked(output.table_checks, found.records, WHOLE)
        if unchecked and not reasons and (output.key, WHOLE) not in self._settled:
            yield Work(
                key=output.key,
                partition=WHOLE,
                reason=unchecked,
                inputs=((output.key, versions[WHOLE]),),
                only_checks=True,
            )

    def _found(self, key: str) -> Found:
        return self._state.found.get(key, _ABSENT)

    def _partitions(self, output: Output) -> dict[str, None]:
        """Return the partitions that should exist, as far as this output can be built at all."""
        if not output.partitioned:
            return {WHOLE: None}
        partitions = dict.fromkeys(self._state.arrived.get(output.key, ()))
        if output.arrives:
            present = self._found(output.key).records.versions
            partitions |= dict.fromkeys(present)
        for key in output.inputs:
            if self._by_key[key].partitioned:
                partitions |= dict.fromkeys(self._found(key).records.versions)
                partitions |= dict.fromkeys(self._pending[key])
        for partition, key in output.partition_inputs:
            work = self._pending[key].get(WHOLE)
            if self._version(key, WHOLE) or (work and any(v for _, v in work.inputs)):
                partitions[partition] = None
        partitions.pop(WHOLE, None)
        return partitions

    def _find_lost(
        self, output: Output, partitions: Collection[str], used: set[str]
    ) -> dict[str, str]:
        """Return what others were built from, which is not there and cannot be built again."""
        found = self._found(output.key)
        arrived = self._state.arrived.get(output.key, {})
        if not output.arrives:
            gone = used - found.records.versions.keys() - set(partitions)
            gone -= {WHOLE} if partitions else set()
            return dict.fromkeys(gone, "it is missing, and so is what it was built from")
        if not output.partitioned:
            why = next(iter(found.damage.values()), "")
            if WHOLE in used and WHOLE not in found.records.versions:
                why = why or "it is missing"
            return {WHOLE: why} if why else {}
        broken = found.damage.keys() | (used - found.records.versions.keys())
        lost = {
            p: found.damage.get(p) or found.damage.get(WHOLE) or "it is missing"
            for p in broken - arrived.keys() - {WHOLE}
        }
        return {p: f"{why}, and its files are not in the landing zone" for p, why in lost.items()}

    def _reasons(
        self, output: Output, partitions: Mapping[str, None]
    ) -> dict[str, tuple[str, bool]]:
        """Return why partitions are pending, and whether all of each must be built anew."""
        found, records = self._state.found.get(output.key), self._found(output.key).records
        reasons: dict[str, tuple[str, bool]] = {}

        def add(names: Iterable[str], reason: str, *, anew: bool = True) -> None:
            for name in names:
                if name in partitions:
                    reasons.setdefault(name, (reason, anew))

        requested = self._rebuild.get(output.key, ())
        add(partitions if WHOLE in requested else requested, "it was requested")
        if found and WHOLE in found.damage:
            add(partitions, found.damage[WHOLE])
        for partition, why in found.damage.items() if found else ():
            add([partition], why)
        for partition, why in self._state.arrived.get(output.key, {}).items():
            add([partition], why, anew=False)
        if found is None and (not output.inputs or self._any_input(output)):
            add(partitions, "it is missing")
        elif output.partitioned:
            add((p for p in partitions if p not in records.versions), "it was not built yet")
        for name in output.checks:
            judged = records.checks.get(name, {})
            for partition in partitions:
                version = records.versions.get(partition, 0)
                if version and judged.get(partition) != version:
                    failed = judged.get(partition) == -version
                    add([partition], f"check {name} {'failed' if failed else 'was not run'}")
        if failed_check := _failed(output.table_checks, records, WHOLE):
            add(partitions, failed_check)
        for key in output.all_inputs:
            self._add_newer(output, key, partitions, reasons)
        outdated = [
            p
            for p in partitions
            if (version := records.versions.get(p, 0))
            and output.code_version
            and code_of(version) != output.code_version
        ]
        if outdated:
            self._outdated[output.key] = len(outdated)
            if self._code_changed:
                add(outdated, f"its code changed to version {output.code_version}")
        return reasons

    def _add_newer(
        self,
        output: Output,
        key: str,
        partitions: Mapping[str, None],
        reasons: dict[str, tuple[str, bool]],
    ) -> None:
        """Add the partitions that were built from another version of this input than is there."""
        built = self._found(output.key).records.inputs.get(key, {})
        now, pending = self._found(key).records.versions, self._pending[key]
        by_part = self._by_key[key].partitioned and output.partitioned
        whole = now.get(WHOLE, 0)
        coming = next((work for work in pending.values() if not work.only_checks), None)
        for partition in _concerned(output, key, partitions):
            version = now.get(partition, 0) if by_part else whole
            work = pending.get(partition) if by_part else coming
            if work and not work.only_checks:
                reasons.setdefault(partition, (f"{work.name}{_PENDING}", False))
            # What is missing now and cannot be built again leaves its outputs as they are.
            elif version and built.get(partition, 0) != version:
                name = name_of(key, partition if by_part else WHOLE)
                reasons.setdefault(partition, (f"{name} is newer", False))

    def _any_input(self, output: Output) -> bool:
        """Return True if there is anything that an output could be built from."""
        keys = output.all_inputs
        return any(key in self._state.found or self._pending[key] for key in keys)

    def _version(self, key: str, partition: str) -> int:
        return self._found(key).records.versions.get(partition, 0)

    def _used(self, output: Output, partition: str) -> Iterator[tuple[str, str]]:
        """Yield key and partition of the inputs of a partition; `WHOLE` stands for all of one."""
        for key in output.inputs_of(partition):
            parts = self._by_key[key].partitioned and output.partitioned
            yield key, partition if parts else WHOLE

    def _input_versions(self, output: Output, partition: str) -> tuple[tuple[str, int], ...]:
        return tuple((key, self._version(key, part)) for key, part in self._used(output, partition))

    def _waits_on(self, output: Output, partition: str) -> tuple[str, ...]:
        """Return the keys of the inputs of a partition that are pending themselves."""
        return tuple(
            key
            for key, part in self._used(output, partition)
            if (pending := self._pending[key])
            and (part == WHOLE or part in pending or WHOLE in pending)
        )

    def _blocked_by(self, output: Output, partition: str) -> str:
        """Return why nothing may be built from the inputs of a partition, empty if it may."""
        for key, part in self._used(output, partition):
            blocked = self._blocked[key]
            if blocked and part == WHOLE:
                return next(iter(blocked.values()))
            if why := blocked.get(part) or blocked.get(WHOLE):
                return why
        return ""

    def _blocks(self, output: Output) -> Iterator[tuple[str, str]]:
        """Yield the partitions below which nothing may be built, each with the reason."""
        records, pending = self._found(output.key).records, self._pending[output.key]
        if why := (
            _failed(output.table_checks, records, WHOLE)
            or _unchecked(output.table_checks, records, WHOLE)
        ):
            if not pending:
                yield WHOLE, f"{output.key}: {why}"
        for name in output.checks:
            judged = records.checks.get(name, {})
            for partition, version in records.versions.items():
                # Segments of the stream have versions of their own.
                if (partition == WHOLE) == output.partitioned:
                    continue
                if version and judged.get(partition) != version and partition not in pending:
                    failed = judged.get(partition) == -version
                    why = f"check {name} {'failed' if failed else 'was not run'}"
                    yield partition, f"{name_of(output.key, partition)}: {why}"
        if not output.arrives:
            # Something that should be there could not be built: what is built from it would shrink.
            tried = (p for key, p in self._settled if key == output.key and p)
            for partition in tried:
                if partition not in records.versions and partition in self._partitions(output):
                    yield partition, f"{name_of(output.key, partition)}, which is missing"


def _concerned(output: Output, key: str, partitions: Mapping[str, None]) -> Iterable[str]:
    """Return those of these partitions that are built from an input."""
    only = {partition for partition, name in output.partition_inputs if name == key}
    return [p for p in partitions if p in only] if only else partitions


def _failed(checks: Iterable[str], records: Records, partition: str) -> str:
    """Return the check that failed on the present version, empty if none did."""
    version = records.versions.get(partition, 0)
    failed = (c for c in checks if version and records.checks.get(c, {}).get(partition) == -version)
    return next((f"check {name} failed" for name in failed), "")


def _unchecked(checks: Iterable[str], records: Records, partition: str) -> str:
    """Return the check that did not judge the present version, empty if all did."""
    version = records.versions.get(partition, 0)
    judged = ((c, abs(records.checks.get(c, {}).get(partition, 0))) for c in checks)
    missing = (name for name, judgement in judged if version and judgement != version)
    return next((f"check {name} was not run" for name in missing), "")
