"""The documentation: its links hold, its reference is complete, and it names only what exists."""

import re
import subprocess
import sys
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import pytest

from amazon_reviews.cli import main
from amazon_reviews.config import Settings
from amazon_reviews.definitions import defs
from amazon_reviews.pipeline.artifacts import FILES, MODELS
from amazon_reviews.pipeline.inspection import Inspection
from amazon_reviews.profiles.files import FILE_KEYS, KEYS, built_in_profiles
from amazon_reviews.profiles.profile import CANONICAL_FIELDS, MEANINGS, Source
from amazon_reviews.schemas import TABLES
from amazon_reviews.serving.api.app import create_app
from amazon_reviews.serving.api.settings import ApiSettings

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# Old names stay in the list of changes, and raw logs stay as they were printed.
CURRENT_PAGES = [page for page in PAGES if page.name != "CHANGELOG.md"]
PROSE_PAGES = [page for page in CURRENT_PAGES if "benchmarks" not in page.parts]
# A landing zone has a folder amazon_reviews too, with partitions in it.
PATHS = re.compile(
    r"(?<![\w/.-])((?:amazon_reviews|amazon_reviews_tests|benchmarks|deploy|docs)/(?!partition_)"
    r"[\w./-]*\w/?)"
)
ASSETS = re.compile(
    r"(?<![\w/.-])((?:bronze|silver|gold|model|warehouse|report|export)/[a-z_]+[a-z])(?![\w<…]|\.\w)"
)
TUTORIAL_ASSETS = {"gold/weekdays", "gold/verified_years", "bronze/sellers", "silver/sellers"}
TUTORIAL_FILES = {
    "amazon_reviews_tests/marts/sql/weekdays.sql",
    "amazon_reviews/transforms/sellers.py",
}
ARCHAIC = re.compile(
    r"\b(anew|mend(?:ed|s|ing)?|lies|books|drawn by lot|in small letters|parted by|what became of"
    r"|there is none|is none|whatever|by itself|at all|of which|said|told|in the place of|so many"
    r"|let go of|come by|refused|refusal|source system)\b"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built strictly: a broken link fails the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def page(site: Path, name: str) -> str:
    return (site / name).read_text(encoding="utf-8")


def commands(
    group: click.Group = main, path: str = "amazon-reviews"
) -> list[tuple[str, click.Command]]:
    """Return every command with its words, without the hidden ones."""
    context = click.Context(group, info_name=path)
    listed = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            listed += commands(command, f"{path} {name}")
        elif command is not None and not command.hidden:
            listed.append((f"{path} {name}", command))
    return listed


def settings() -> set[str]:
    """Return the environment variables of the pipeline and of the API."""
    models: tuple[Any, ...] = (Settings, ApiSettings)
    return {
        str(field.validation_alias or model.model_config["env_prefix"] + name).upper()
        for model in models
        for name, field in model.model_fields.items()
    }


def test_every_setting_is_on_the_page_of_settings(site: Path) -> None:
    text = page(site, "reference/settings.html")
    assert not [name for name in settings() if f"<code>{name}</code>" not in text]


def test_every_command_and_option_is_on_the_page_of_commands(site: Path) -> None:
    text = page(site, "reference/cli.html")
    for words, command in commands():
        assert f">{words}<" in text
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in text


def test_every_table_and_column_is_on_a_page_of_tables(site: Path) -> None:
    pages = [page(site, "reference/marts.html")]
    pages += [file.read_text("utf-8") for file in site.glob("reference/tables-*.html")]
    index = page(site, "reference/tables.html")
    for key, table in TABLES.items():
        anchor = f'id="{key.replace("/", "-")}"'
        (holder,) = (text for text in pages if anchor in text)
        assert f"<code>{key}</code>" in index
        assert all(f"<code>{name}</code>" in holder for name in table.names)


def test_every_column_with_personal_data_is_on_the_page_about_it(site: Path) -> None:
    text = page(site, "concepts/personal-data.html").partition('id="how-long')[0]
    rows = {row.partition("</code>")[0]: row for row in text.split("<tr>")}
    by_key = {name.rpartition("<code>")[2]: row for name, row in rows.items()}
    for key, table in TABLES.items():
        assert bool(table.pii) == (key in by_key), key
        for column in table.pii:
            assert f"<code>{column.name}</code>" in by_key[key]
    assert not [a.key for a in (*MODELS, *FILES) if bool(a.pii) != (a.key in by_key)]


def test_every_endpoint_is_on_the_page_of_the_api(site: Path) -> None:
    text = page(site, "reference/api.html")
    for path in create_app().openapi()["paths"]:
        assert f"<code>{path}</code>" in text


def test_every_check_is_on_the_page_of_checks(site: Path) -> None:
    listed = re.findall(
        r"<tr>\s*<td><code>(.*?)</code></td>\s*<td><code>(.*?)</code></td>",
        page(site, "reference/checks.html"),
    )
    graph = defs.resolve_asset_graph()
    checks = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys}
    assert {*listed} == checks


def test_every_profile_with_its_fields_is_on_the_page_of_profiles(site: Path) -> None:
    text = page(site, "reference/source-profiles.html")
    for profile in built_in_profiles():
        section = text.partition(f'id="{profile.name}"')[2].partition("<h3")[0]
        names = (*profile.source_fields, *profile.fields)
        assert not [name for name in names if f"<code>{name}</code>" not in section], profile.name


def test_every_key_and_canonical_field_is_on_the_page_of_own_columns(site: Path) -> None:
    text = page(site, "how-to/map-your-own-columns.html")
    keys = [*KEYS, *(f"file: {key}" for key in FILE_KEYS), *(f.name for f in fields(Source))]
    keys += [f.name for f in fields(Inspection)]
    for dataset, names in CANONICAL_FIELDS.items():
        assert MEANINGS[dataset].keys() == {*names}
        keys += names
    assert not [key for key in keys if f"<code>{key}</code>" not in text]


class _Requests(HTMLParser):
    """Collects the addresses that a browser loads when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loaded = {"script": "src", "img": "src", "link": "href"}.get(tag)
        self.addresses += [value or "" for name, value in attrs if name == loaded]


def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    for file in site.rglob("*.html"):
        requests = _Requests()
        requests.feed(file.read_text("utf-8"))
        assert not [address for address in requests.addresses if "//" in address], file.name


@pytest.mark.parametrize("path", CURRENT_PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_and_commands_of_a_page_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    if "docs" in path.relative_to(ROOT).parts:
        # The build checks these links, which are relative to the page.
        text = re.sub(r"\]\([^)]*\)", "]", text)
    missing = {name for name in PATHS.findall(text) if not (ROOT / name).exists()}
    assert missing <= TUTORIAL_FILES
    known = {words.split()[1] for words, _ in commands()}
    called = re.findall(r"(?:bin/|`|\$ )amazon-reviews ([a-z-]+)", text)
    assert set(called) <= known


@pytest.mark.parametrize("path", CURRENT_PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_assets_that_a_page_names_exist(path: Path) -> None:
    assets = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert set(ASSETS.findall(path.read_text("utf-8"))) <= assets | {*TABLES} | TUTORIAL_ASSETS


@pytest.mark.parametrize("path", PROSE_PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_uses_plain_words(path: Path) -> None:
    # The writing rules quote the words that they forbid.
    prose = re.sub(r"```.*?```|`[^`]*`|~~.*?~~", "", path.read_text("utf-8"), flags=re.DOTALL)
    assert not ARCHAIC.findall(prose)
