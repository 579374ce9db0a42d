"""Chart of the trends of brands."""

import altair as alt
import pyarrow as pa

from amazon_reviews.serving.charts import style
from amazon_reviews.serving.charts.style import EXACT, tips

_COLOURS = {"falling": style.VERMILLION, "rising": style.BLUE, "flat": style.GREY}
_TITLE = "Trends of brands"


def brand_slopes(table: pa.Table, most: int = 15) -> alt.LayerChart:
    """Chart the slopes of brands with their 95 % intervals, in the order of the table."""
    names = ("brand", "slope", "low", "high", "q_value", "rated", "trend")
    rows = [{name: row[name] for name in names} for row in table.to_pylist()[:most]]
    tooltip = tips(
        brand=("brand", None),
        slope=("stars a year", "+.3f"),
        low=("from", "+.3f"),
        high=("to", "+.3f"),
        q_value=("q", ".2g"),
        rated=("rated reviews", EXACT),
    )
    axis = "change of the stars a year, 95 % interval"
    title = _TITLE if table.num_rows <= most else f"{_TITLE}: {most} of {table.num_rows:,}"
    brands = style.base(rows, title, alt.Step(style.ROW_HEIGHT)).encode(
        y=style.y_names("brand"), color=style.coloured("trend", _COLOURS), tooltip=tooltip
    )
    interval = brands.mark_rule(strokeWidth=3).encode(
        x=style.x_amount("low", axis, style.AMOUNT), x2="high:Q"
    )
    zero = alt.Chart().mark_rule(strokeDash=[4, 4], color=style.GREY).encode(x=alt.datum(0))
    slopes = brands.mark_point(filled=True, size=70).encode(x="slope:Q")
    return style.layered(title, zero, interval, slopes)
