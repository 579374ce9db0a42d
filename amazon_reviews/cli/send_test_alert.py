"""`amazon-reviews send-test-alert`."""

import sys
import time

import click

from amazon_reviews import config
from amazon_reviews.cli.common.console import echo
from amazon_reviews.errors import UsageError


@click.command()
def send_test_alert() -> None:
    """Send a test alert to each destination, and print the results.

    Ends with exit code 1 if a destination does not accept it.
    """
    # Here because they take a second to import, which `--help` must not wait for.
    from amazon_reviews.alerts.destinations import Alerting, send
    from amazon_reviews.alerts.incidents import trial_message

    addresses = Alerting.of(config.load()).addresses
    if not addresses:
        raise UsageError("alerts are off: AMAZON_REVIEWS_ALERTS is not set")
    problems = [send(address, trial_message(time.time())) for address in addresses]
    for number, problem in enumerate(problems, start=1):
        echo(f"destination {number}: {problem or 'accepted'}")
    sys.exit(1 if any(problems) else 0)
