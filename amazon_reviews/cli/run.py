"""`amazon-reviews run`."""

import json
import sys

import click


@click.command()
@click.option("--select", default="*", help="Asset selection, e.g. 'group:gold' (default: all).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def run(select: str, as_json: bool) -> None:
    """Bring everything up to date in this process.

    Does the work of the sensors and of Dagster's automation, until nothing is pending. Ends with
    exit code 1 if an asset or a check failed.
    """
    # Here because Dagster takes a second to import, which `run --help` must not wait for.
    from amazon_reviews import config
    from amazon_reviews.cli.common import summary, up_to_date

    settings = config.load()
    outcome = up_to_date.bring_up_to_date(settings, select)
    if as_json:
        click.echo(json.dumps(summary.summarize(settings, outcome), indent=2, default=str))
    elif outcome.nothing_new:
        click.echo("nothing new")
    else:
        summary.print_summary(summary.summarize(settings, outcome), settings)
    sys.exit(1 if outcome.failures else 0)
