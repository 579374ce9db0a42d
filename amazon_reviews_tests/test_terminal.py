"""Data in a terminal: text that cannot control the terminal."""

import io
import subprocess
import sys

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main, report
from amazon_reviews.cli.common.console import console
from amazon_reviews.cli.common.progress import progress_bars
from amazon_reviews.cli.common.tables import print_table
from amazon_reviews.errors import BuildError, UsageError
from amazon_reviews.shown_text import terminal_text
from amazon_reviews_tests.dagster.project import Project, environment
from amazon_reviews_tests.helpers import product, review

CATEGORY = "Toys [/b] [red]Games[/red] [link=http://evil.example]x[/link] :bug: \x1b[31m \u202eX"
ESCAPED = "Toys [/b] [red]Games[/red] [link=http://evil.example]x[/link] :bug: \\x1b[31m \\u202eX"


def test_a_table_shows_its_cells_title_and_columns_as_text(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    print_table([{CATEGORY: f"{CATEGORY}\nx", "n": 1}], title=CATEGORY)

    printed = capsys.readouterr().out
    assert printed.count(ESCAPED) == 3
    assert f"{ESCAPED}\\nx" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize(("error", "exit_code"), [(UsageError, 2), (BuildError, 1)])
def test_an_error_ends_a_command_with_its_text_and_exit_code(monkeypatch, error, exit_code):
    def fail(*_):
        raise error(CATEGORY)

    monkeypatch.setattr(report, "write_report", fail)
    result = CliRunner().invoke(main, ["report"])

    assert (result.exit_code, result.stderr) == (exit_code, f"Error: {ESCAPED}\n")
    assert result.stdout == ""


def test_progress_shows_names_as_text(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    target = console()
    target.file = io.StringIO()
    bars = progress_bars(target)
    bars.add_task(terminal_text(CATEGORY), total=1)
    target.print(bars.get_renderable())

    assert ESCAPED in target.file.getvalue()


@pytest.mark.long
def test_a_run_on_hostile_data_prints_no_control_characters(tmp_path):
    project = Project(tmp_path)
    project.add_file("amazon_reviews", "partition_1", review())
    project.add_file("amazon_metadata", "partition_1", product(main_cat=CATEGORY))
    command = [sys.executable, "-m", "amazon_reviews.cli", "run", "--select"]

    done = subprocess.run(
        [*command, "+key:warehouse/reviews"],
        env=environment(tmp_path) | {"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    assert "Toys [/b] [red]Games[/red]" in done.stdout
    assert not {c for c in done.stdout + done.stderr if ord(c) < 32 and c != "\n"}
