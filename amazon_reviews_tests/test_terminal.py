"""Data in a terminal: text that commands nothing."""

import io
import subprocess
import sys

import pytest

from amazon_reviews.cli import progress
from amazon_reviews.cli.refusal import Refusal
from amazon_reviews.cli.tables import print_table
from amazon_reviews.cli.terminal import plain, terminal
from amazon_reviews_tests.dagster.project import Project, environment
from amazon_reviews_tests.helpers import product, review

CATEGORY = "Toys [/b] [red]Games[/red] [link=http://evil.example]x[/link] :bug: \x1b[31m \u202eX"
SHOWN = "Toys [/b] [red]Games[/red] [link=http://evil.example]x[/link] :bug: \\x1b[31m \\u202eX"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Crème brûlée 日本 👩‍🔧", "Crème brûlée 日本 👩‍🔧"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\u202eb\u2066c\u200e", "a\\u202eb\\u2066c\\u200e"),
        ("\r\t\x9b1m\x00\x7f", "\\r\\t\\x9b1m\\x00\\x7f"),
        ("two\nlines", "two\nlines"),
        ("\ud800\u2028", "\\ud800\\u2028"),
        (CATEGORY, SHOWN),
    ],
)
def test_plain_text_commands_nothing(text, shown):
    assert plain(text) == shown


def test_a_table_shows_its_cells_title_and_columns_as_text(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    print_table([{CATEGORY: f"{CATEGORY}\nx", "n": 1}], title=CATEGORY)

    printed = capsys.readouterr().out
    assert printed.count(SHOWN) == 3
    assert f"{SHOWN}\\nx" in printed
    assert "\x1b" not in printed


def test_a_refusal_shows_what_it_quotes_as_text():
    file = io.StringIO()
    Refusal(CATEGORY).show(file)

    assert file.getvalue() == f"Error: {SHOWN}\n"


def test_progress_shows_names_as_text(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    console = terminal()
    console.file = io.StringIO()
    bars = progress._bars(console)
    bars.add_task(plain(CATEGORY), total=1)
    console.print(bars.get_renderable())

    assert SHOWN in console.file.getvalue()


def test_a_run_on_hostile_data_ends_well(tmp_path):
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
