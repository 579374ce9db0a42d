"""The console that tables and progress are printed on."""

from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints markup and names of emoji as text."""
    return Console(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)
