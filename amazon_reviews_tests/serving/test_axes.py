"""Labels of axes: short, different from each other, and clear for small and large numbers."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
import vl_convert

from amazon_reviews.serving.charts import recommender as charts
from amazon_reviews.serving.charts.style import PNG_WIDTH
from amazon_reviews.serving.report.contents import REVIEWS_REPORT
from amazon_reviews.serving.report.titles import TITLES_REPORT

PANELS = [
    pytest.param(panel, id=f"{section.title}-{number}")
    for report in (REVIEWS_REPORT, TITLES_REPORT)
    for section in report.sections
    for number, panel in enumerate(section.panels)
]
# Numbers that name a row instead of counting something.
KEYS = re.compile(
    r"year|month|stars|overall|length_(from|to)|price_(from|to)|minutes|seasons|score|share$"
)
# An exponent, a zero with a prefix, a thousandth.
UNCLEAR = re.compile(r"^[+\u2212]?(\d[\d.]*e[+\u2212-]?\d+|0[a-zA-Z]|[\d.]+[mµn])$")
NUMBERS = {
    "as they are": lambda number, value: value,
    "one": lambda number, value: type(value)(1),
    "tiny": lambda number, value: type(value)(1 + number % 3),
    "close": lambda number, value: value if isinstance(value, int) else 3.5331 + number / 10_000,
    "small parts": lambda number, value: value if isinstance(value, int) else number / 100_000,
    "huge": lambda number, value: type(value)((number + 1) * 1_234_567_891),
}


def labels_of_axes(chart):
    """Return the drawn labels of each axis of numbers or times."""
    svg = vl_convert.vegalite_to_svg(json.dumps(chart.properties(width=PNG_WIDTH).to_dict()))
    root = ElementTree.fromstring(svg)
    axes = [group for group in root.iter() if "role-axis" in group.get("class", "").split()]
    return [
        [text.text or "" for text in group.iter("{http://www.w3.org/2000/svg}text")]
        for axis in axes
        for group in axis.iter()
        if "role-axis-label" in group.get("class", "").split()
    ]


def check(chart):
    for labels in labels_of_axes(chart):
        seen = [label for label in labels if label]
        assert len(seen) == len(set(seen)), labels
        assert not [label for label in seen if UNCLEAR.search(label)], labels


def replaced(rows, number):
    """Return the rows with other numbers, except in the columns that name a row."""
    for name in rows.schema.names:
        values = rows[name].to_pylist()
        if KEYS.search(name) or not any(type(value) in (int, float) for value in values):
            continue
        new = [None if value is None else number(k, value) for k, value in enumerate(values)]
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(new))
    return rows


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("panel", PANELS)
def test_labels_of_an_axis_are_distinct_and_clear(warehouse, panel, numbers):
    rows = panel.query(warehouse, *panel.arguments)
    if rows.num_rows:
        check(panel.draw(replaced(rows, NUMBERS[numbers])))


@pytest.mark.parametrize("most", [1, 2, 9, 120, 45_000, 2_000_000_000])
def test_labels_of_a_logarithmic_axis_are_distinct_and_clear(most):
    counts = np.unique(np.geomspace(1, most, 40).astype(int))
    chart = charts.long_tail(counts, "Ratings of the users")
    check(chart)
    assert [label for labels in labels_of_axes(chart) for label in labels if label]


@pytest.mark.parametrize("worst", [0.0, 0.001, 0.3])
def test_nearly_equal_methods_have_distinct_labels(worst):
    rows = [
        {"method": name, "value": worst + k / 10_000, "low": worst, "high": worst + 0.001}
        for k, name in enumerate(("hybrid", "popularity", "als"))
    ]
    check(charts.methods(pa.Table.from_pylist(rows), "ndcg@10", "NDCG@10"))
