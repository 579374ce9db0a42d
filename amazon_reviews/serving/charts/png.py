"""Charts as pictures."""

import vl_convert

from amazon_reviews.serving.charts.style import AnyChart

WIDTH, SCALE = 720, 2


def png_bytes(chart: AnyChart) -> bytes:
    """The chart as a picture on white, 1,440 pixels wide and the axis' names."""
    return vl_convert.vegalite_to_png(chart.properties(width=WIDTH).to_json(), scale=SCALE)
