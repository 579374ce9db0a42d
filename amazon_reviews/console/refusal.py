"""How a command says that it cannot do what is asked."""

import click


class Refusal(click.ClickException):
    """Settings or arguments that cannot be used: one line on stderr, exit code 2."""

    exit_code = 2
