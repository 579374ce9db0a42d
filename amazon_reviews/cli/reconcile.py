"""`amazon-reviews reconcile`."""

import json
import sys

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.cli.common.deep import damage, deep_option
from amazon_reviews.cli.common.tables import print_table
from amazon_reviews.defs.resources import places_of
from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.datasets import DATASETS
from amazon_reviews.pipeline.outputs import OUTPUTS
from amazon_reviews.pipeline.reconciliation import Reconciliation, reconcile_all
from amazon_reviews.pipeline.state import observe
from amazon_reviews.planner.model import Plan
from amazon_reviews.planner.plan import make_plan
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.unmatched import UnmatchedFiles
from amazon_reviews.resources.landing.zone import LandingZone


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON.")
@deep_option
def reconcile(as_json: bool, deep: bool) -> None:
    """Print the reconciliation; exit 1 if lines are lost or files damaged.

    In every partition of a table, lines = kept + duplicates + rejected. Files of the landing zone
    that are not read are named on stderr, and with --deep damaged files.
    """
    settings = config.load()
    lakehouse = Lakehouse(settings.lakehouse)
    accounts = reconcile_all(lakehouse)
    rows = [account.as_dict() for account in accounts]
    if as_json:
        echo(json.dumps(rows, indent=2))
    else:
        print_table(rows)
    for text in _landing_warnings(places_of(settings).landing):
        echo(f"warning {text}", err=True)
    unbalanced = [account for account in accounts if not account.balanced]
    differing = []
    for account in unbalanced:
        log = lakehouse.log(f"{account.layer}/{account.table}")
        if log is None or log.pinned is None:
            differing.append(account)
        else:
            echo(_pinned(account, log.pinned), err=True)
    if differing:
        plan = make_plan(OUTPUTS, observe(places_of(settings), data_files=True).state)
        for account in differing:
            echo(_advice(account, plan), err=True)
    damaged = False
    for line in damage(places_of(settings), settings.dagster_home) if deep else ():
        damaged = True
        echo(line, err=True)
    sys.exit(1 if differing or damaged else 0)


def _landing_warnings(landing: LandingZone) -> list[str]:
    """Return texts about the files that the reconciliation does not cover: they are not read."""
    unmatched = UnmatchedFiles()
    try:
        for dataset in DATASETS:
            unmatched.update(landing.listing(dataset.folder, dataset.layout).unmatched)
        unmatched.update(landing.unmatched_elsewhere([dataset.folder for dataset in DATASETS]))
    except LandingError as error:
        return [str(error)]
    return unmatched.lines()


def _pinned(account: Reconciliation, version: int) -> str:
    """Return why a pinned table has other lines than its input: it is that of an earlier time."""
    name = f"{account.layer}/{account.table}"
    return (
        f"{name} {account.partition} differs from its input: it is pinned to version {version}, "
        f"and `amazon-reviews restore --unpin {name}` lets runs build it again"
    )


def _advice(account: Reconciliation, plan: Plan) -> str:
    name = f"{account.layer}/{account.table}"
    begun = f"{name} {account.partition} does not reconcile"
    if any(work.key == name and work.partition in ("", account.partition) for work in plan.work):
        return f"{begun}; `amazon-reviews run` builds it again"
    if lost := "; ".join(f"{output} {why}" for output, why in plan.lost.items()):
        return f"{begun}, and cannot be built again: {lost}"
    return f"{begun}; `amazon-reviews run --rebuild {name}` builds it again"
