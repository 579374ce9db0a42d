"""Numbers as pages, charts, findings and commands show them."""


def percent(share: float) -> str:
    """Return a share in percent, with a decimal below 10 and above 90 %: 81 %, 1.9 %, 97.6 %.

    Only 0 is 0 %, and only 1 is 100 %.
    """
    if 0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{100 * share:.{0 if share in (0, 1) or 0.1 <= share <= 0.9 else 1}f} %"


def dollars(price: float | None) -> str:
    """Return a price as money: $1,234.50; – for None."""
    return "–" if price is None else f"${price:,.2f}"
