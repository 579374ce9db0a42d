"""Chart of the trends of brands."""

import pyarrow as pa

from amazon_reviews.serving.charts import kinds, style
from amazon_reviews.serving.charts.style import EXACT, AnyChart, tips
from amazon_reviews.serving.charts.wording import Heading

_COLOURS = {"falling": style.VERMILLION, "rising": style.BLUE, "flat": style.GREY}


def brand_slopes(table: pa.Table, most: int = 15) -> AnyChart:
    """Chart the slopes of brands with their 95 % intervals, in the order of the table."""
    names = ("brand", "slope", "low", "high", "q_value", "rated", "trend")
    rows = [{name: row[name] for name in names} for row in table.to_pylist()[:most]]
    remark = f"{len(rows)} of {table.num_rows:,} tested: those with a trend, then the most reviewed"
    heading = Heading("Trends of brands", "Which brands get better or worse?", remark)
    tooltip = tips(
        brand=("brand", None),
        slope=("stars a year", "+.3f"),
        low=("from", "+.3f"),
        high=("to", "+.3f"),
        q_value=("q", ".2g"),
        rated=("rated reviews", EXACT),
    )
    value = ("slope", "change of the stars a year, 95 % interval", style.AMOUNT)
    colours = style.coloured("trend", _COLOURS)
    return kinds.estimates(rows, heading, "brand", value, ("low", "high"), tooltip, colours, 0)
