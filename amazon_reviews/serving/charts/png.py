"""Charts as pictures."""

import vl_convert

from amazon_reviews.serving.charts.style import AnyChart

WIDTH = 720


def png_bytes(chart: AnyChart, scale: float = 2) -> bytes:
    """The chart as a picture on white, `WIDTH` times `scale` pixels wide and the axis' names."""
    return vl_convert.vegalite_to_png(chart.properties(width=WIDTH).to_json(), scale=scale)
