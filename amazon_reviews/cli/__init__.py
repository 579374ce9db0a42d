"""The console script `amazon-reviews`: data on stdout, progress and logs on stderr."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amazon_reviews import config, interrupts
from amazon_reviews.cli.recommend import recommend, similar
from amazon_reviews.cli.recommender import recommender
from amazon_reviews.cli.refusal import Failed
from amazon_reviews.cli.refusal import Refusal as _Refusal
from amazon_reviews.cli.sentiment import sentiment
from amazon_reviews.cli.terminal import plain
from amazon_reviews.errors import LocationError, SettingsError

if TYPE_CHECKING:
    from amazon_reviews.headless.runner import Outcome

_GOES_ON = "interrupted; what is finished is kept, and the next run goes on from there"


class _Group(click.Group):
    """Ends in one line on a signal, and with 2 on a setting or place that cannot be used."""

    def invoke(self, ctx: click.Context) -> Any:
        # A terminal of another encoding cannot show every character of the data.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        with interrupts.ending_on_signals():
            try:
                return super().invoke(ctx)
            except (SettingsError, LocationError) as error:
                raise _Refusal(str(error)) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("amazon-reviews"), message="%(version)s")
def main() -> None:
    """Amazon reviews: landing files to Delta tables, a warehouse and what reads it."""


@main.command()
def doctor() -> None:
    """Look at settings, versions and whether all is within reach; exit 2 where it is not."""
    settings = config.load()
    from amazon_reviews.cli.doctor import examine

    findings = []
    for finding in examine(settings):
        findings.append(finding)
        mark = "!!" if finding.wrong else "ok"
        click.echo(plain(f"{mark}  {finding.what:26} {finding.found}"))
        if finding.advice:
            click.echo(plain(f"{'':30} -> {finding.advice}"))
    sys.exit(2 if any(finding.wrong for finding in findings) else 0)


@main.command()
@click.option("--select", default="*", help="Asset selection, e.g. 'group:gold' (default: all).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def run(select: str, as_json: bool) -> None:
    """Bring everything up to date, as sensors and automation would, in this process."""
    settings = config.load()
    outcome = _bring_up_to_date(settings, select)
    if as_json or not outcome.nothing_new:
        _report(settings, outcome, as_json)
    else:
        click.echo("nothing new")
    sys.exit(1 if outcome.failures else 0)


def _bring_up_to_date(
    settings: config.Settings, select: str, again: Mapping[str, Sequence[str]] | None = None
) -> "Outcome":
    if not (config.is_remote(settings.landing) or Path(settings.landing).is_dir()):
        raise SettingsError(
            f"{config.PREFIX}LANDING",
            f"{settings.landing} is not a folder; create it, or try `amazon-reviews sample`",
        )
    interrupts.remark(_GOES_ON)
    instance = _dagster_instance(settings)
    from amazon_reviews.cli.progress import chosen_assets, show_progress
    from amazon_reviews.definitions import definitions
    from amazon_reviews.headless.compute_logs import spare_log_helpers

    defs = definitions(settings)
    try:
        selection = chosen_assets(defs, select)
    except ValueError as error:
        raise _Refusal(f"--select: {error}") from None
    with instance:
        spare_log_helpers(instance)
        return show_progress(instance, defs, selection, again)


def _report(settings: config.Settings, outcome: "Outcome", as_json: bool) -> None:
    from amazon_reviews.cli.summary import print_summary, summary

    report = summary(settings, outcome)
    if as_json:
        click.echo(json.dumps(report, indent=2, default=str))
    else:
        print_summary(report, settings)


def _dagster_instance(settings: config.Settings) -> Any:
    """The instance under DAGSTER_HOME, made with the project's settings at the first use."""
    home = settings.dagster_home
    wanted = config.project_root() / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if wanted.is_file() and not (home / "dagster.yaml").exists():
            shutil.copy(wanted, home / "dagster.yaml")
    except OSError as error:
        raise SettingsError("DAGSTER_HOME", f"cannot be used ({error})") from None
    os.environ["DAGSTER_HOME"] = str(home)
    import dagster as dg

    return dg.DagsterInstance.get()


@main.command("orphaned-runs", hidden=True)
@click.option("--before", type=float, required=True, help="Start of the code server, epoch.")
def orphaned_runs(before: float) -> None:
    """Report as failed what a code server that is gone was running; see deploy/code-server.sh."""
    settings = config.load()
    from amazon_reviews.headless.dead_runs import report_orphaned_runs

    with _dagster_instance(settings) as instance:
        for run in report_orphaned_runs(instance, before):
            click.echo(f"run {run} died with its code server", err=True)


@main.command()
@click.option("--reviews", default=100_000, show_default=True, help="Lines of reviews.")
@click.option("--products", default=2_000, show_default=True, help="Distinct products.")
@click.option("--users", default=5_000, show_default=True, help="Reviewers.")
@click.option("--partitions", default=10, show_default=True, help="Partition folders.")
@click.option("--events", default=1_000, show_default=True, help="Event bodies for the stream.")
@click.option("--titles", default=300, show_default=True, help="Streaming titles.")
@click.option("--title-ratings", default=6_000, show_default=True, help="Ratings of the titles.")
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same files.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder (default: the landing zone).")
def sample(out: Path | None, **options: Any) -> None:
    """Generate a landing zone in the source's own formats, with its quirks and faults."""
    from amazon_reviews.cli.progress import counting
    from amazon_reviews.devtools.sample_data import SampleOptions, generate

    folder = out or Path(config.load().landing)
    try:
        chosen = SampleOptions(**options)
        with counting("sample", options["reviews"]) as advance:
            generate(chosen, folder, advance)
    except (ValueError, OSError) as error:
        raise _Refusal(str(error)) from None
    click.echo(folder)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of accounts as JSON.")
def reconcile(as_json: bool) -> None:
    """Print the books: lines = kept + duplicates + rejected; exit 1 where they do not balance."""
    from amazon_reviews.cli.tables import print_table
    from amazon_reviews.pipeline.reconciliation import all_accounts
    from amazon_reviews.resources.lakehouse.tables import Lakehouse

    accounts = all_accounts(Lakehouse(location=config.load().lakehouse))
    rows = [account.as_dict() for account in accounts]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        print_table(rows)
    off = [account for account in accounts if not account.balanced]
    for account in off:
        name = f"{account.layer}/{account.table} {account.partition}"
        click.echo(plain(f"{name} does not balance; materialize it again"), err=True)
    sys.exit(1 if off else 0)


@main.group()
def rejected() -> None:
    """Lines that were refused."""


@rejected.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON.")
def list_rejected(as_json: bool) -> None:
    """Group the refused lines by table and reason."""
    from amazon_reviews.cli.tables import print_table
    from amazon_reviews.pipeline.rejected import rejected_by_reason
    from amazon_reviews.resources.lakehouse.tables import Lakehouse

    counts = rejected_by_reason(Lakehouse(location=config.load().lakehouse))
    rows = [
        {"table": table, "reason": reason, "lines": lines}
        for (table, reason), lines in counts.items()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        print_table(rows)


@rejected.command()
@click.option("--select", default="*", hidden=True)
def replay(select: str) -> None:
    """Run the partitions with refused lines again, after a rule was mended."""
    settings = config.load()
    from amazon_reviews.pipeline.rejected import partitions_with_rejected, rejected_by_reason
    from amazon_reviews.resources.lakehouse.tables import Lakehouse

    lakehouse = Lakehouse(location=settings.lakehouse)
    before = sum(rejected_by_reason(lakehouse).values())
    outcome = _bring_up_to_date(settings, select, partitions_with_rejected(lakehouse))
    after = sum(rejected_by_reason(lakehouse).values())
    click.echo(f"{before} lines were refused, {after} are now")
    sys.exit(1 if outcome.failures else 0)


@main.command("event-hub")
@click.option(
    "--hub",
    "hubs",
    multiple=True,
    metavar="NAME=PARTITIONS[:GROUP,GROUP]",
    default=("reviews=4",),
    show_default=True,
    help="A hub, with consumer groups beside $Default (may be given again).",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=5672,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--retention",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="Events that a partition keeps at most.",
)
@click.option(
    "--send",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="File of JSON lines to publish to the first hub, an event each.",
)
def event_hub(
    hubs: tuple[str, ...], host: str, port: int, retention: int, send: Path | None
) -> None:
    """Serve event hubs for development until interrupted, and print how to reach them.

    Speaks AMQP 1.0 to the clients of Azure Event Hubs. Events are in memory and gone at the end;
    the key is a published one, so let it listen on this machine only.
    """
    from amazon_reviews.cli.event_hub import Refused, run_event_hub

    try:
        run_event_hub(hubs, host, port, retention, send)
    except Refused as error:
        raise _Refusal(str(error)) from None


@main.command("demo-stream")
def demo_stream() -> None:
    """Publish the sample's events to a hub of its own and show them arriving in gold."""
    settings = config.load()
    interrupts.remark(_GOES_ON)
    events = Path(settings.landing) / "events" / "events.jsonl"
    if settings.event_hub or not events.is_file():
        click.echo("no demo of the stream: a hub is set, or there are no sample events", err=True)
        return
    with _dagster_instance(settings):
        pass
    from amazon_reviews.cli.event_hub import Refused
    from amazon_reviews.cli.stream_demo import DemoFailedError, show_stream

    try:
        show_stream(settings, events)
    except (DemoFailedError, Refused) as error:
        raise Failed(str(error)) from None
    # Models follow once a day: a few events are not worth the minute it takes to learn again.
    outcome = _bring_up_to_date(settings, "not (group:sentiment+ or group:recommender+)")
    sys.exit(1 if outcome.failures else 0)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port."
)
def app(host: str, port: int) -> None:
    """Serve the dashboard of the warehouse until interrupted."""
    config.load()
    from amazon_reviews.serving.dashboard import streamlit_command

    sys.stdout.flush()
    os.execv(sys.executable, streamlit_command(host, port))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."
)
def api(host: str, port: int, workers: int) -> None:
    """Serve the HTTP API of the warehouse and the models until interrupted; see /docs there."""
    config.load()
    from amazon_reviews.serving.api.app import serve
    from amazon_reviews.serving.api.settings import load_api

    load_api()
    click.echo(f"http://{host}:{port}/docs", err=True)
    serve(host, port, workers)


@main.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
def report(out: Path | None) -> None:
    """Write the report of what the warehouse holds now, and print its path."""
    settings = config.load()
    from amazon_reviews.errors import WarehouseError
    from amazon_reviews.resources.warehouse.connect import open_warehouse
    from amazon_reviews.serving.report.page import write_report

    path = (out or settings.report).absolute()
    try:
        write_report(open_warehouse(settings.warehouse), path)
    except WarehouseError as error:
        raise _Refusal(str(error)) from None
    except OSError as error:
        raise _Refusal(f"{path} cannot be written: {error.strerror}") from None
    click.echo(path)


@main.command()
def maintain() -> None:
    """Compact small files and remove those that no reader of the last two days needs."""
    from amazon_reviews.cli.tables import print_table
    from amazon_reviews.resources.lakehouse import maintenance
    from amazon_reviews.resources.lakehouse.tables import Lakehouse

    lakehouse = Lakehouse(location=config.load().lakehouse)
    print_table(
        [
            {
                "table": key,
                "compacted": done.compacted,
                "into": done.written,
                "removed": done.removed,
            }
            for key, done in maintenance.maintain(lakehouse)
        ]
    )


@main.command()
def jars() -> None:
    """Fetch the jars that AMAZON_REVIEWS_ENGINE=spark needs, once, and print where they lie."""
    from amazon_reviews.resources.spark.jvm import fetch_jars, jars_folder

    fetch_jars()
    click.echo(jars_folder())


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Measure batch and stream against their peers (bench --help lists the options)."""
    root = config.project_root()
    if not (root / "benchmarks").is_dir():
        raise click.UsageError("the benchmarks are in a checkout only, not in the package")
    sys.exit(subprocess.call([sys.executable, "-m", "benchmarks", *arguments], cwd=root))


main.add_command(recommend)
main.add_command(recommender)
main.add_command(similar)
main.add_command(sentiment)


if __name__ == "__main__":
    main()
