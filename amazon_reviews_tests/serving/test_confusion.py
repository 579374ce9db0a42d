"""Contrast of the confusion matrix on light and dark pages."""

import re
from xml.etree import ElementTree

import pyarrow as pa
import pytest
import vl_convert

from amazon_reviews.serving.charts.sentiment import confusion

RAMP = ["#0d2b45", "#203c56", "#8fb8de", "#f5faff"]
THEMES = {
    "none": {},
    "light": {"background": "#ffffff", "range": {"heatmap": RAMP[::-1], "ramp": RAMP[::-1]}},
    "dark": {"background": "#0e1117", "range": {"heatmap": RAMP, "ramp": RAMP}},
}
SVG = "{http://www.w3.org/2000/svg}"


def luminance(colour):
    """Return the relative luminance of WCAG 2.1."""
    if colour.startswith("#"):
        channels = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    else:
        channels = list(map(int, re.findall(r"\d+", colour)))
    red, green, blue = (
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in channels)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour, other):
    """Return the contrast ratio of WCAG 2.1."""
    low, high = sorted((luminance(colour), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(chart, theme):
    """Return the colours of the cells and of their texts."""
    svg = vl_convert.vegalite_to_svg(chart.to_json(), config=theme)
    root = ElementTree.fromstring(svg)
    marks = {
        kind: [mark for group in root.iter(f"{SVG}g")
               if kind in group.get("class", "").split() for mark in group]
        for kind in ("mark-rect", "mark-text")
    }  # fmt: skip
    cells = [m.get("fill") for m in marks["mark-rect"] if m.get("aria-roledescription")]
    names = {"white": "#ffffff", "black": "#000000"}
    texts = [m for m in marks["mark-text"] if m.get("aria-roledescription")]
    return cells, [names.get(m.get("fill"), m.get("fill")) for m in texts]


@pytest.mark.parametrize("theme", THEMES)
def test_every_share_has_a_contrast_of_4_5_with_its_cell(theme):
    rows = [
        {"actual": f"class {part}", "predicted": name, "reviews": reviews}
        for part in range(0, 1001, 2)
        for name, reviews in (("right", part), ("wrong", 1000 - part))
    ]

    cells, texts = colours(confusion(pa.Table.from_pylist(rows)), THEMES[theme])

    assert len(cells) == len(texts) == len(rows)
    assert min(map(contrast, cells, texts)) >= 4.5
    assert len(set(cells)) > 200
