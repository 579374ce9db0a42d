"""Names of reviewers."""

from collections.abc import Callable

from amazon_reviews.devtools.sample_data import phrases

NAMES = 4096
_COMMON = (("Amazon Customer", 0.08), ("Kindle Customer", 0.02))


def reviewer_names() -> list[str]:
    """NAMES names, the common ones as often as their share in the source asks for."""
    common = [name for name, share in _COMMON for _ in range(round(NAMES * share))]
    return common + [_MAKERS[n % len(_MAKERS)](n) for n in range(NAMES - len(common))]


def _first(number: int) -> str:
    return phrases.FIRST_NAMES[number * 7 % len(phrases.FIRST_NAMES)]


def _last(number: int) -> str:
    return phrases.LAST_NAMES[number * 11 // 3 % len(phrases.LAST_NAMES)]


def _nickname(number: int) -> str:
    return phrases.NICKNAMES[number % len(phrases.NICKNAMES)]


_MAKERS: tuple[Callable[[int], str], ...] = (
    lambda n: f"{_first(n)} {_last(n)}",
    lambda n: f"{_first(n)} {_last(n)[0]}.",
    lambda n: f"{_first(n)[0]}. {_last(n)}",
    lambda n: _first(n),
    lambda n: f"{_nickname(n)}{n % 89}",
    lambda n: f'{_first(n)} {_last(n)} "{_nickname(n)}"',
)
