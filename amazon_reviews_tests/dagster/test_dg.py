"""The project's commands of Dagster: `dg` and `dagster` in the folder of the project."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from dagster._cli.asset import asset_list_command
from dagster_dg_cli.cli import create_dg_cli

from amazon_reviews.definitions import defs

FOLDER = Path(__file__).parents[2]


@pytest.fixture
def dg(tmp_path, monkeypatch):
    """Return a function that runs `dg` in the folder of the project, and returns its output."""
    (tmp_path / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.chdir(FOLDER)

    def run(*arguments):
        result = CliRunner().invoke(create_dg_cli(), arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    return run


def test_dg_lists_all_definitions(dg):
    listed = json.loads(dg("list", "defs", "--json").stdout)

    graph = defs.resolve_asset_graph()
    assert {asset["asset_key"] for asset in listed["assets"]} == {
        key.to_user_string() for key in graph.get_all_asset_keys()
    }
    assert {"landing_sensor", "event_hub_sensor", "planner_sensor"} <= {
        sensor["name"] for sensor in listed["sensors"]
    }


def test_dg_checks_the_definitions_without_a_warning(dg):
    result = dg("check", "defs")

    assert "All definitions loaded successfully" in result.output + result.stderr
    assert "warning" not in (result.output + result.stderr).lower()


def test_dagster_finds_the_module_by_its_environment_variable(dg, monkeypatch):
    # Dagster 1.13 reads the module of these commands from no file.
    monkeypatch.setenv("DAGSTER_MODULE_NAME", "amazon_reviews.definitions")

    result = CliRunner().invoke(asset_list_command, catch_exceptions=False)

    assert "gold/reviews" in result.stdout.splitlines()
