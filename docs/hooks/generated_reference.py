"""MkDocs hook that fills the reference pages from the code.

A page holds a marker such as `<!-- generated: settings -->`. The hook replaces it with Markdown
made from the settings class, the click commands, the tables, the personal data in them, the
OpenAPI document, the checks or the source profiles.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from inspect import cleandoc
from typing import Any, get_args

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from pydantic.fields import FieldInfo

from amazon_reviews.config import Settings, project_root
from amazon_reviews.pipeline.artifacts import FILES, MODELS
from amazon_reviews.pipeline.inspection import Inspection
from amazon_reviews.pipeline.outputs import inputs_of
from amazon_reviews.profiles.files import (
    CHOICES,
    FILE_KEYS,
    KEYS,
    REQUIRED_KEYS,
    built_in_profiles,
)
from amazon_reviews.profiles.profile import (
    CANONICAL_FIELDS,
    MEANINGS,
    REQUIRED_FIELDS,
    Source,
)
from amazon_reviews.schemas import TABLES, Table
from amazon_reviews.schemas.table import Pii
from amazon_reviews.serving.api.settings import ApiSettings

MARKER = re.compile(r"<!-- generated: (\S+) -->")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace each marker of a page with the section that it names.

    Raises:
        PluginError: a marker names no known section.
    """

    def section(marker: re.Match[str]) -> str:
        if marker[1] not in SECTIONS:
            raise PluginError(f"{page.file.src_uri}: no generated section {marker[1]!r}")
        return "\n".join(SECTIONS[marker[1]]())

    return MARKER.sub(section, markdown)


def settings() -> Iterator[str]:
    """Yield one table row per setting of the pipeline and of the API."""
    yield from (*_row("variable", "default", "meaning"), *_row("---", "---", "---"))
    for variable, field in variables().items():
        default = field.get_default(call_default_factory=True)
        # A path of the machine that builds the site would mislead its readers.
        text = str(default or "").replace(f"{project_root()}/", "")
        yield from _row(f"`{variable}`", f"`{text}`" if text else "", field.description or "")


def variables() -> dict[str, FieldInfo]:
    """Return the environment variables of the pipeline and of the API, with their fields."""
    models: tuple[Any, ...] = (Settings, ApiSettings)
    return {
        str(field.validation_alias or model.model_config["env_prefix"] + name).upper(): field
        for model in models
        for name, field in model.model_fields.items()
    }


def commands() -> Iterator[str]:
    """Yield one section per command, with its usage, its help and its options."""
    from amazon_reviews.cli import main

    yield from _command(main, click.Context(main, info_name="amazon-reviews"))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _command(child, click.Context(child, parent=context, info_name=name))
        return
    yield from ("", f"## {context.command_path}", "")
    yield from (*(command.help or "").replace("\b\n", "").splitlines(), "")
    usage = " ".join(command.collect_usage_pieces(context))
    yield from ("```", f"{context.command_path} {usage}", "```", "")
    options = [option for option in command.params if isinstance(option, click.Option)]
    records = [record for o in options if (record := o.get_help_record(context))]
    if records:
        yield from (*_row("option", "meaning"), *_row("---", "---"))
        for names, text in records:
            yield from _row(f"`{names}`", text)


def table_index() -> Iterator[str]:
    """Yield one row per table, with its grain and a link to its columns."""
    yield from (*_row("table", "one row"), *_row("---", "---"))
    for name, tables in table_pages().items():
        for table in tables:
            yield from _row(f"[`{table.key}`]({name}.md#{_anchor(table)})", table.grain)


def table_pages() -> dict[str, list[Table]]:
    """Return the tables of each page of the reference, by the name of the page."""
    pages: dict[str, list[Table]] = {}
    for table in TABLES.values():
        # The scratch table holds the next state of a gold table.
        group = table.group or table.layer.replace("scratch", "gold")
        pages.setdefault("marts" if group == "marts" else f"tables-{group}", []).append(table)
    return pages


def _tables(page: str) -> Iterator[str]:
    for table in table_pages()[page]:
        yield from ("", f"### {table.key} {{ #{_anchor(table)} }}", "", table.grain, "")
        yield from (table.details, "")
        facts = {
            "Built from": table.inputs,
            "Unique key": table.unique_key,
            "Partitioned by": table.partition_by,
            "Sorted in the warehouse by": (table.sort_by or "",),
            "Added up in the warehouse by": table.merged_by,
            "Clustered in BigQuery by": table.cluster_by,
            "Partitioned in BigQuery by the year of": (table.partition_day or "",),
            "Flat view in BigQuery": (table.flat_view or "",),
        }
        for label, names in facts.items():
            if any(names):
                yield f"- {label}: {', '.join(f'`{name}`' for name in names)}"
        yield from ("", *_row("column", "type", "meaning"), *_row("---", "---", "---"))
        for column in table.columns:
            yield from _row(f"`{column.name}`", f"`{column.type}`", column.description)


def personal_columns() -> Iterator[str]:
    """Yield one table row per table with personal data: its columns, and what they follow."""
    yield from (*_row("table", "ids", "names", "texts", "kept"), *_row(*["---"] * 5))
    pages = {table.key: page for page, tables in table_pages().items() for table in tables}
    for table in filter(lambda table: table.pii, TABLES.values()):
        by_kind = (
            ", ".join(f"`{column.name}`" for column in table.pii if column.pii == kind)
            for kind in get_args(Pii)
        )
        inputs = ", ".join(f"`{key}`" for key in inputs_of(table))
        link = f"[`{table.key}`](../reference/{pages[table.key]}.md#{_anchor(table)})"
        yield from _row(link, *by_kind, f"as long as in {inputs}" if inputs else "without a limit")


def personal_files() -> Iterator[str]:
    """Yield one table row per model and file with personal data."""
    yield from (*_row("output", "holds"), *_row("---", "---"))
    for artifact in filter(lambda artifact: artifact.pii, (*MODELS, *FILES)):
        yield from _row(f"`{artifact.key}`", artifact.pii)


def _anchor(table: Table) -> str:
    return table.key.replace("/", "-")


def endpoints() -> Iterator[str]:
    """Yield one section per endpoint of the HTTP API, with its parameters."""
    from amazon_reviews.serving.api.app import create_app

    for path, operations in create_app().openapi()["paths"].items():
        for method, operation in operations.items():
            yield from ("", f"### {method.upper()} `{path}`", "")
            yield from (operation.get("description", ""), "")
            rows = [*_parameters(operation)]
            if rows:
                heads = ("parameter", "in", "required", "meaning")
                yield from (*_row(*heads), *_row(*["---"] * len(heads)), *rows)


def _parameters(operation: dict[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", []):
        required = "yes" if parameter.get("required") else "no"
        text = parameter.get("description", "")
        yield from _row(f"`{parameter['name']}`", parameter["in"], required, text)


def checks() -> Iterator[str]:
    """Yield one row per asset check of the Dagster definitions."""
    # Dagster takes seconds to load, and no other page needs it.
    from amazon_reviews.definitions import defs

    graph = defs.resolve_asset_graph()
    heads = ("asset", "check", "blocking", "holds if")
    yield from (*_row(*heads), *_row(*["---"] * len(heads)))
    for key in sorted(graph.asset_check_keys):
        check = graph.get(key)
        yield from _row(
            f"`{key.asset_key.to_user_string()}`",
            f"`{key.name}`",
            "yes" if check.blocking else "no",
            check.description or "",
        )


def profile_keys() -> Iterator[str]:
    """Yield one row per key of a profile file."""
    yield from (*_row("key", "required", "meaning"), *_row("---", "---", "---"))
    for key, meaning in KEYS.items():
        yield from _row(f"`{key}`", "yes" if key in REQUIRED_KEYS else "no", meaning)
    for key, meaning in FILE_KEYS.items():
        yield from _row(f"`file: {key}`", "no", meaning)


def source_keys() -> Iterator[str]:
    """Yield one row per key of a source."""
    yield from (*_row("key", "meaning", "values"), *_row("---", "---", "---"))
    for key, meaning in _attributes(Source).items():
        choices = ", ".join(f"`{choice}`" for choice in CHOICES.get(key, ()))
        yield from _row(f"`{key}`", meaning, choices)


def _canonical_fields(dataset: str) -> Iterator[str]:
    yield from (*_row("field", "required", "meaning"), *_row("---", "---", "---"))
    groups = {name: group for group in REQUIRED_FIELDS[dataset] for name in group}
    for name in CANONICAL_FIELDS[dataset]:
        others = " or ".join(f"`{other}`" for other in groups.get(name, ()) if other != name)
        required = "no" if name not in groups else f"yes, or {others}" if others else "yes"
        yield from _row(f"`{name}`", required, MEANINGS[dataset][name])


def inspection_keys() -> Iterator[str]:
    """Yield one row per key of an inspection."""
    yield from (*_row("key", "meaning"), *_row("---", "---"))
    for key, meaning in _attributes(Inspection).items():
        yield from _row(f"`{key}`", meaning)


def profile_index() -> Iterator[str]:
    """Yield one row per built-in profile."""
    yield from (*_row("profile", "dataset", "data"), *_row("---", "---", "---"))
    for profile in built_in_profiles():
        link = f"[`{profile.name}`](#{profile.name})"
        yield from _row(link, profile.dataset, profile.description)


def profiles() -> Iterator[str]:
    """Yield one section per built-in profile, with its fields and their conversions."""
    for profile in built_in_profiles():
        yield from ("", f"### {profile.name} {{ #{profile.name} }}", "", profile.description, "")
        groups = (" or ".join(f"`{name}`" for name in group) for group in profile.requires)
        yield from (f"A file needs the fields {', '.join(groups)}.", "")
        yield from (*_row("field", "from", "conversion"), *_row("---", "---", "---"))
        for name, sources in profile.fields.items():
            yield from _source_row(name, sources)
        for name, sources in profile.products.items():
            yield from _source_row(f"product: {name}", sources)


def _source_row(name: str, sources: Sequence[Source]) -> Iterable[str]:
    fields = " or ".join(f"`{source.field or source.constant}`" for source in sources)
    conversions = {
        f"{key}: `{value}`": None
        for source in sources
        for key, value in asdict(source).items()
        if key not in ("field", "constant") and value != getattr(Source(), key)
    }
    return _row(f"`{name}`", fields, ", ".join(conversions))


def _attributes(documented: type) -> dict[str, str]:
    """Return the attributes that the docstring of a class lists, with their meanings."""
    section = cleandoc(documented.__doc__ or "").partition("Attributes:\n")[2]
    return {
        name: " ".join(text.split()).removesuffix(".")
        for name, text in re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE)
    }


def _row(*cells: str) -> Iterable[str]:
    # A line feed or a bar in a text would end the cell.
    escaped = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return (f"| {' | '.join(escaped)} |",)


SECTIONS: dict[str, Callable[[], Iterable[str]]] = {
    "settings": settings,
    "commands": commands,
    "table-index": table_index,
    "endpoints": endpoints,
    "checks": checks,
    "profile-keys": profile_keys,
    "source-keys": source_keys,
    "review-fields": partial(_canonical_fields, "reviews"),
    "product-fields": partial(_canonical_fields, "products"),
    "inspection-keys": inspection_keys,
    "personal-columns": personal_columns,
    "personal-files": personal_files,
    "profile-index": profile_index,
    "profiles": profiles,
    **{page: partial(_tables, page) for page in table_pages()},
}
