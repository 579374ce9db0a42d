"""How a command says that it cannot do what is asked."""

import click

from amazon_reviews.cli.terminal import plain


class Failed(click.ClickException):
    """A command that did not do what it was to do: one line on stderr, exit code 1."""

    def format_message(self) -> str:
        """The text, which may quote data, as plain text."""
        return plain(self.message)


class Refusal(Failed):
    """Settings or arguments that cannot be used: one line on stderr, exit code 2."""

    exit_code = 2
