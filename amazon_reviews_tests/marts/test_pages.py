"""The pages about the marts name existing tables and columns."""

import re
from pathlib import Path

import pytest

from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.marts.building import BY_NAME

DOCS = Path(__file__).parents[2] / "docs"
VIEWS = {"reviews_flat": "reviews", "products_flat": "products"}
VALUES = {"Unknown", "flat", "silver", "reviews"}


def cells(page, width):
    """Return the rows of the page's tables with these numbers of columns, without heads."""
    lines = (DOCS / page).read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [row for row in rows if len(row) in width and "---" not in row and "`" in row[1]]


def quoted(text):
    return set(re.findall(r"`([a-z_0-9]+)`", text))


def columns(tables):
    return {name for table in tables for name in TABLES[f"gold/{VIEWS.get(table, table)}"].names}


@pytest.mark.parametrize("question", cells("reference/marts.md", {3}), ids=lambda row: row[0])
def test_question_uses_columns_of_its_marts(question):
    _, marts, named = question
    assert quoted(named) - {"stars_1", "stars_5"} <= columns(quoted(marts))


def test_every_mart_answers_a_question():
    named = set().union(*(quoted(marts) for _, marts, _ in cells("reference/marts.md", {3})))
    assert set(BY_NAME) <= named


@pytest.mark.parametrize(
    "chart", cells("how-to/looker-studio.md", {4, 5, 6}), ids=lambda row: row[0]
)
def test_chart_uses_columns_of_its_data_source(chart):
    _, source, *rest = chart
    assert quoted(" ".join(rest)) - VALUES <= columns(quoted(source))
