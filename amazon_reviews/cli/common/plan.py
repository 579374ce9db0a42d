"""The pending work on the command line, and requests to build something again."""

import json
from collections.abc import Iterator, Sequence

from amazon_reviews.cli.common.console import echo
from amazon_reviews.errors import UsageError
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.planner.model import Plan
from amazon_reviews.schemas.built import WHOLE

_EXAMPLES = 3


def parse_rebuild(requests: Sequence[str]) -> dict[str, list[str]]:
    """Return the requested partitions by key of their output; `WHOLE` stands for all.

    Raises:
        UsageError: an output does not exist, or has no partitions.
    """
    outputs = {output.key: output for output in OUTPUTS}
    rebuild: dict[str, list[str]] = {}
    for request in requests:
        key, _, partition = request.partition(":")
        if key not in outputs:
            raise UsageError(f"--rebuild: there is no {key!r}; try silver/reviews:partition_1")
        if partition and not outputs[key].partitioned:
            raise UsageError(f"--rebuild: {key} has no partitions; leave out :{partition}")
        rebuild.setdefault(key, []).append(partition or WHOLE)
    return rebuild


def print_plan(plan: Plan, *, as_json: bool) -> None:
    """Print what is pending and why, an output a line, for people or as JSON."""
    if as_json:
        rows = [
            {
                "asset": w.key,
                "partition": w.partition,
                "reason": w.reason,
                "waits_for": w.blocked or ", ".join(w.waits_on),
            }
            for w in plan.work
        ]
        others = {"lost": dict(plan.lost), "outdated": dict(plan.outdated)}
        echo(json.dumps({"pending": rows, **others, "pinned": dict(plan.pinned)}, indent=2))
        return
    for line in describe(plan):
        echo(line)


def describe(plan: Plan) -> Iterator[str]:
    """Yield lines about the pending work, with numbers and a few examples."""
    if not plan.work:
        yield "nothing new"
    first = [work for work in plan.work if not work.waits_on or not work.follows]
    alike: dict[tuple[str, str, str], list[str]] = {}
    for work in first:
        # Partitions of one output, or outputs without partitions.
        key, reason = work.key if work.partition else "", work.general_reason
        if not key and reason.endswith(" is newer"):
            reason = "an input is newer"
        names = alike.setdefault((key, reason, work.blocked), [])
        names.append(work.partition or work.key)
    for (key, reason, blocked), names in alike.items():
        name = f"{key}[{_some(names)}]" if key else _some(names)
        yield f"{name}: {reason}" + (f"; waits: {blocked}" if blocked else "")
    following = list(dict.fromkeys(w.key for w in plan.work if w.waits_on and w.follows))
    if following:
        yield f"and what is built from these: {_some(following)}"
    yield from plan.pins()
    for name, why in plan.lost.items():
        yield f"{name} cannot be built again: {why}"
    if plan.outdated:
        number = sum(plan.outdated.values())
        yield (
            f"the code of {_some([*plan.outdated])} changed since they were built, {number:,} in "
            "all: `amazon-reviews run --code-changed` builds them again"
        )


def _some(names: Sequence[str]) -> str:
    """Return the first names, and the number of the others."""
    more = f" and {len(names) - _EXAMPLES:,} more" if len(names) > _EXAMPLES else ""
    return f"{', '.join(names[:_EXAMPLES])}{more}"
