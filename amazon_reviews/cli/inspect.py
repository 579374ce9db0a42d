"""`amazon-reviews inspect`."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amazon_reviews import config
from amazon_reviews.atomic_file import write_new
from amazon_reviews.cli.common.console import echo
from amazon_reviews.disk import Place, explaining
from amazon_reviews.errors import LandingError, UsageError
from amazon_reviews.shown_text import visible_text

if TYPE_CHECKING:
    from amazon_reviews.pipeline.inspection import Choice

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MOST_FIELDS = 20
_LONGEST = 200
_OF_DATA = ("unknown", "rejected")


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
@click.option(
    "--dataset",
    type=click.Choice(["reviews", "products"]),
    help="Kind of the data (default: that of the file's folder, else of the profile that fits).",
)
@click.option("--profile", type=_FILE, help="Try the source profile that this YAML file declares.")
@click.option(
    "--write-profile",
    "draft",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draft a source profile for an unknown FILE into this new YAML file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON.")
def inspect(
    files: tuple[Path, ...],
    dataset: str | None,
    profile: Path | None,
    draft: Path | None,
    as_json: bool,
) -> None:
    """Show how each FILE would be read; exit 1 if one would not be kept.

    Prints format, source profile, and the rows, unknown fields and rejected records that the first
    10,000 records give. Nothing is loaded.
    """
    if draft and (len(files) > 1 or profile):
        raise UsageError("--write-profile needs one FILE, and no --profile")
    # Here because the engine takes seconds to import, which help and errors must not wait for.
    from amazon_reviews.pipeline.inspection import inspect_file
    from amazon_reviews.resources.spark.engine import start_session

    settings = config.load()
    choice = _choice(settings, dataset, profile)
    if draft:
        _write_draft(files[0], draft, choice)
        return
    spark = start_session("sail", settings.engine_memory)
    results: list[dict[str, Any]] = []
    for file in files:
        try:
            results.append(inspect_file(spark, file, choice).as_dict())
        except LandingError as error:
            results.append({"file": str(file), "error": str(error)})
    if as_json:
        echo(json.dumps(results, indent=2, default=_plain_value))
    else:
        for result in results:
            echo("\n".join(visible_text(line) for line in _lines(result)))
    sys.exit(0 if all(result.get("kept") for result in results) else 1)


def _choice(settings: config.Settings, dataset: str | None, profile: Path | None) -> "Choice":
    from amazon_reviews.pipeline.datasets import REVIEW_DATASETS
    from amazon_reviews.pipeline.inspection import Choice
    from amazon_reviews.pipeline.intake import Intake, profile_content
    from amazon_reviews.profiles.files import parse_profile

    tried = parse_profile(profile_content(profile), str(profile)) if profile else None
    if tried and dataset not in (None, tried.dataset):
        raise UsageError(f"{profile} is for {tried.dataset}, not for {dataset}")
    return Choice(
        dataset=next((each for each in REVIEW_DATASETS if each.name == dataset), None),
        profile=tried,
        own=() if tried else Intake(settings.profiles).own_profiles(),
        max_unpacked_bytes=settings.max_unpacked_gb * 10**9,
    )


def _write_draft(file: Path, draft: Path, choice: "Choice") -> None:
    from amazon_reviews.pipeline.inspection import opened_file
    from amazon_reviews.pipeline.profile_draft import draft_profile

    with opened_file(file, choice) as opened:
        text = draft_profile(opened)
    try:
        with explaining(Place("--write-profile", draft.absolute().parent)):
            write_new(draft, text.encode())
    except FileExistsError:
        raise UsageError(f"{draft} exists, and is not replaced; name another file") from None
    except OSError as error:
        raise UsageError(f"{draft} cannot be written ({error.strerror})") from None
    echo(draft)


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of an inspection for people."""
    yield result["file"]
    if error := result.get("error"):
        yield _line("error", error)
        return
    packed = f" in {result['compression']}" if result["compression"] else ""
    yield _line("container", f"{result['container']}{packed}")
    yield _line("encoding", result["charset"])
    if result["delimiter"]:
        quote = f"{result['quote']!r}" if result["quote"] else "none, quotes are text"
        yield _line("delimiter", f"{result['delimiter']!r}, quote character {quote}")
    yield _line("columns", _listed(result["columns"]))
    yield from _profile_lines(result)
    yield from _record_lines(result)
    if reason := result["reason"]:
        yield _line("not kept", f"it {reason}")


def _profile_lines(result: Mapping[str, Any]) -> Iterator[str]:
    own = ", user-defined" if result["user_defined"] else ""
    fits = f"{result['profile']} ({result['dataset']}{own})" if result["profile"] else "none fits"
    yield _line("profile", fits)
    for near in result["nearest"]:
        yield _line("nearest", f"{near['profile']}, which also needs {_listed(near['missing'])}")
    if result["missing"]:
        yield _line("missing", f"no field seems to be the {' or the '.join(result['missing'])}")


def _record_lines(result: Mapping[str, Any]) -> Iterator[str]:
    rejected = result["rejected"]
    counts = (
        f"{result['kept']:,} kept, {result['duplicates']:,} duplicates, "
        f"{sum(problem['records'] for problem in rejected.values()):,} rejected"
    )
    first = "" if result["complete"] else "the first "
    yield _line("records", f"{first}{result['records']:,}: {counts}")
    for reason, problem in rejected.items():
        detail = f": {problem['detail']}" if problem["detail"] else ""
        yield _line(
            "rejected", f"{reason} {problem['records']:,}, such as line {problem['line']}{detail}"
        )
    for name, field in [*result["unknown_fields"].items()][:_MOST_FIELDS]:
        yield _line("unknown", f"{name} ({field['records']:,}), such as {field['example']}")
    if (others := len(result["unknown_fields"]) - _MOST_FIELDS) > 0:
        yield _line("unknown", f"and {others:,} more fields")
    for row in result["mapped"]:
        values = {name: value for name, value in row.items() if value not in (None, "", [])}
        yield _line("row", f"of line {row['line']}")
        for name, value in values.items():
            yield f"    {name:<18} {_cut(str(value))}"


def _line(label: str, text: str) -> str:
    return f"  {label:<12} {_cut(text) if label in _OF_DATA else text}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_FIELDS:,} more" if len(names) > _MOST_FIELDS else ""
    return ", ".join(_cut(name) for name in names[:_MOST_FIELDS]) + more


def _cut(text: str) -> str:
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text


def _plain_value(value: object) -> object:
    """Return a number or a text for a value that JSON does not have."""
    return float(value) if isinstance(value, Decimal) else str(value)
