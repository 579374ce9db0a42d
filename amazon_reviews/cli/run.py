"""`amazon-reviews run`."""

import json
import sys

import click

from amazon_reviews.cli.common.console import echo


@click.command()
@click.option("--select", default="*", help="Asset selection, e.g. 'group:gold' (default: all).")
@click.option("--plan", "only_plan", is_flag=True, help="Show what is pending; build nothing.")
@click.option(
    "--rebuild",
    multiple=True,
    metavar="TABLE[:PARTITION]",
    help="Build this again in any case, e.g. silver/reviews:partition_3; may be repeated.",
)
@click.option("--code-changed", is_flag=True, help="Build again what older code has built.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def run(
    select: str, only_plan: bool, rebuild: tuple[str, ...], code_changed: bool, as_json: bool
) -> None:
    """Bring everything up to date in this process.

    What is pending is read from the tables, the warehouse and the models as they are. Ends with
    exit code 1 if an asset or a check failed, or if something is lost.
    """
    # Here because Dagster takes a second to import, which `run --help` must not wait for.
    from amazon_reviews import config
    from amazon_reviews.cli.common import plan, summary, up_to_date

    settings = config.load()
    requested = plan.parse_rebuild(rebuild)
    if only_plan:
        pending = up_to_date.pending(settings, select, requested, code_changed=code_changed)
        plan.print_plan(pending, as_json=as_json)
        sys.exit(1 if pending.lost else 0)
    outcome = up_to_date.bring_up_to_date(settings, select, requested, code_changed=code_changed)
    if as_json:
        echo(json.dumps(summary.summarize(settings, outcome), indent=2, default=str))
    elif outcome.nothing_new:
        echo("nothing new")
    else:
        summary.print_summary(summary.summarize(settings, outcome), settings)
    sys.exit(1 if outcome.failures else 0)
