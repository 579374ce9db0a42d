"""`amazon-reviews bench`."""

import subprocess
import sys

import click

from amazon_reviews.config import project_root


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Measure batch and stream against other tools.

    `bench --help` lists the options.
    """
    root = project_root()
    if not (root / "benchmarks").is_dir():
        raise click.UsageError("the benchmarks are in a checkout only, not in the package")
    sys.exit(subprocess.call([sys.executable, "-m", "benchmarks", *arguments], cwd=root))
