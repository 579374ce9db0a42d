"""CSV downloads of the dashboard."""

import csv
import io

import pyarrow as pa
import pytest

from amazon_reviews.serving.dashboard.components import csv_bytes


def cells(table):
    return list(csv.reader(io.StringIO(csv_bytes(table).decode(), newline="")))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1-1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n1", "\uff1d1"]
)
def test_a_formula_gets_an_apostrophe(text):
    assert cells(pa.table({"title": [text]}))[1] == [f"'{text}"]


def test_other_values_are_unchanged():
    table = pa.table({"title": ['a "b", c\nd', None], "n": [-1, 2], "x": [-0.5, None]})

    assert cells(table) == [["title", "n", "x"], ['a "b", c\nd', "-1", "-0.5"], ["", "2", ""]]
