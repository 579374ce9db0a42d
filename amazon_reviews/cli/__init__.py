"""The console script `amazon-reviews`: data on stdout, progress and logs on stderr.

A command is one module of this package, loaded when it is called, and one line of `COMMANDS`.
"""

import errno
import io
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from amazon_reviews import interrupts, redaction
from amazon_reviews.cli.common.console import echo
from amazon_reviews.errors import AmazonReviewsError, SettingsError, one_line

COMMANDS = {
    "api": "Serve the HTTP API until interrupted.",
    "app": "Serve the dashboard until interrupted.",
    "bench": "Measure batch and stream against other tools.",
    "demo-stream": "Send the sample's events to a hub and show them arrive in gold.",
    "doctor": "Check settings, versions and connections; exit 2 on a problem.",
    "event-hub": "Serve event hubs for development until interrupted.",
    "fetch": "Download published review data into the landing zone.",
    "inspect": "Show how each FILE would be read; exit 1 if one would not be kept.",
    "jars": "Fetch the jars of the engine `spark`, and print their folder.",
    "maintain": "Compact small files; remove old files, old tables and old runs.",
    "metrics": "Serve metrics of the pipeline for Prometheus until interrupted.",
    "recommend": "Recommend products to USER, a reviewer's id, with the reason.",
    "recommender": "Evaluate recommenders.",
    "reconcile": "Print the reconciliation; exit 1 if lines are lost or files damaged.",
    "rejected": "List the rejected lines, or build their partitions again.",
    "report": "Write the report of the warehouse, and print its path.",
    "restore": "Give a table the rows of an earlier version, and pin it.",
    "run": "Bring everything up to date in this process.",
    "sample": "Generate sample data in the source's own formats.",
    "send-test-alert": "Send a test alert to each destination, and print the results.",
    "sentiment": "Predict the sentiment of texts, and evaluate the model.",
    "similar": "List the products that are most similar to ASIN.",
    "ui": "Serve the Dagster UI and its daemon until interrupted.",
}
"""Each command with its one line of help; one without help is hidden."""


class _Commands(click.Group):
    """Loads a command when it is called, and ends on an error in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command, and return the command."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"{__name__}.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name runs that were killed before the command; see `click.Group.resolve_command`."""
        name, command, rest = super().resolve_command(ctx, args)
        # Help is shown at once, without the settings.
        if not (ctx.resilient_parsing or {"-h", "--help"} & set(rest)):
            _name_killed_runs(goes_on=name == "run")
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help of the commands without loading them, which takes seconds."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, text in COMMANDS.items() if text])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn an error into one line and its exit code."""
        redaction.install()
        # A terminal of another encoding cannot show every character of the data.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        with interrupts.ending_on_signals():
            try:
                return super().invoke(ctx)
            # These are click's own; the last two are how it ends a command.
            except (click.ClickException, click.exceptions.Exit, click.Abort):
                raise
            except AmazonReviewsError as error:
                shown = error
            except Exception as error:
                # The reader of the output has gone, which click handles.
                if isinstance(error, OSError) and error.errno == errno.EPIPE:
                    raise
                # Here because it loads Dagster's database client, which only a fault needs.
                from amazon_reviews.cli.common.faults import explained

                shown = explained(error)
            text = "; ".join(filter(None, (one_line(shown), shown.advice)))
            echo(f"Error: {text}", err=True)
            ctx.exit(shown.exit_code)


def _name_killed_runs(*, goes_on: bool) -> None:
    # Here because `--help` must not wait for them.
    from amazon_reviews import config
    from amazon_reviews.resources.living_processes import FOLDER, killed, start_of

    # A wrong setting or folder is reported by the command that needs it.
    with suppress(SettingsError, OSError):
        processes = config.load().dagster_home / FOLDER
        for name in killed(processes):
            then = "its work goes on now" if goes_on else "`amazon-reviews run` continues its work"
            echo(f"the run that started at {start_of(name)} was killed; {then}", err=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="amazon-reviews", message="%(version)s")
def main() -> None:
    """Load Amazon reviews from landing files into Delta tables and a warehouse, and serve them."""
    # Most of what a command or its child processes create may hold personal data.
    os.umask(0o077)
