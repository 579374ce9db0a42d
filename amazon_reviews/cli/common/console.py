"""The terminal: everything that commands print passes through here, as text."""

from typing import TYPE_CHECKING

import click

from amazon_reviews.shown_text import terminal_text

if TYPE_CHECKING:
    from rich.console import Console


def echo(text: object, *, err: bool = False) -> None:
    """Print a text on stdout, or on stderr."""
    click.echo(terminal_text(text), err=err)


def console(*, stderr: bool = False) -> "Console":
    """Return a console for tables and progress that prints markup and names of emoji as text."""
    # Here because it takes time to import, which other commands must not wait for.
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)
