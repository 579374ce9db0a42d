"""Titles, names and scales of charts: true, short enough for their place, and plain."""

import json
import re

import pyarrow as pa
import pytest
import vl_convert

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.charts import (
    categories,
    over_time,
    pipeline,
    sentiment,
    style,
)
from amazon_reviews.serving.charts import reviews as charts
from amazon_reviews.serving.charts.wording import commonest, cut, leader, share_of
from amazon_reviews.serving.charts.wrapping import TWO_LINES, wrapped_title
from amazon_reviews.serving.shown_numbers import percent


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 9, "0 %"),
        (9, 9, "100 %"),
        (1, 3, "33 %"),
        (976, 1000, "97.6 %"),
        (4, 1000, "0.4 %"),
        (996, 1000, "99.6 %"),
        (1, 100_000, "less than 0.1 %"),
        (99_999, 100_000, "more than 99.9 %"),
        (99_890, 100_000, "99.9 %"),
    ],
)
def test_shares_never_claim_all_or_nothing_falsely(part, whole, text):
    assert percent(part / whole) == text


@pytest.mark.parametrize(
    ("counts", "title"),
    [
        ({"Books": 23_510, "Toys": 75_000}, "Toys has most reviews: 75,000 of 98,510"),
        ({UNKNOWN: 81, "Books": 19}, "81 % of the reviews have no known category"),
        ({"Books": 5, "Toys": 5}, ""),
        ({"Books": 0}, ""),
        ({}, ""),
    ],
)
def test_a_leader_is_named_only_if_there_is_one(counts, title):
    rows = [{"name": name, "reviews": count} for name, count in counts.items()]

    assert leader(rows, "name", "reviews", "category") == title


def test_titles_of_shares_add_up_the_rows():
    rows = [
        {"label": name, "reviews": count} for name, count in (("5 ★", 40), ("1 ★", 30), ("5 ★", 30))
    ]

    assert commonest(rows, "label", "{share} give {name}") == "70 % give 5 ★"
    assert share_of(rows, "label", "1 ★", "{share} give 1") == "30 % give 1"
    assert commonest([], "label", "{share} give {name}") == ""
    assert share_of([], "label", "1 ★", "{share} give 1") == ""


def test_rows_that_are_left_out_are_counted():
    assert cut(15, 22) == "the 15 largest of 22"
    assert cut(22, 22) == ""


def credibility_row(name, significant):
    interval = {"difference": 0.3, "low": 0.1, "high": 0.5, "q_value": 0.01}
    return {"main_category": name, "significant": significant, **interval}


@pytest.mark.parametrize(
    ("differing", "title"),
    [
        ([], "Do verified buyers rate differently?"),
        (["Books", "All categories"], "Verified buyers rate differently in 1 of 2 categories"),
    ],
)
def test_differences_are_claimed_only_if_they_are_significant(differing, title):
    names = ("All categories", "Books", "Toys")
    rows = [credibility_row(name, name in differing) for name in names]

    assert title_of(charts.credibility(pa.Table.from_pylist(rows))) == title


@pytest.mark.parametrize(
    ("q_value", "excess", "title"),
    [
        (0.01, 9.0, "Where to improve first: Toys"),
        (0.2, 9.0, "No category is clearly more negative than others"),
        (0.01, -9.0, "No category is clearly more negative than others"),
    ],
)
def test_priority_is_named_only_beyond_chance(q_value, excess, title):
    row = {"main_category": "Toys", "q_value": q_value, "excess_negative": excess}
    row |= {"excess_low": excess - 1, "excess_high": excess + 1}

    assert title_of(categories.categories_by_priority(pa.Table.from_pylist([row]))) == title


def test_confusion_says_how_many_negative_reviews_are_found():
    rows = [
        {"actual": "negative", "predicted": "negative", "reviews": 13},
        {"actual": "negative", "predicted": "positive", "reviews": 7},
        {"actual": "positive", "predicted": "positive", "reviews": 99},
    ]

    title = title_of(sentiment.confusion(pa.Table.from_pylist(rows)))

    assert title == "The model finds 65 % of the negative reviews"


def test_missing_values_count_the_mostly_empty_columns():
    rows = [
        {"table": "reviews", "column": name, "mostly_missing": empty, "missing_share": 0.5}
        for name, empty in (("vote", True), ("style", False))
    ]

    chart = pipeline.missing(pa.Table.from_pylist(rows))

    assert title_of(chart) == "1 of 2 columns of reviews are mostly empty"
    assert chart.description == "Missing values in reviews"


TITLE = 'A "long" title \\ of a chart: (it needs two lines) on a phone'


@pytest.mark.parametrize(("width", "lines"), [(330, 2), (1100, 1)])
def test_titles_fit_the_width_of_their_place(width, lines):
    shown = evaluated(wrapped_title(TITLE).to_dict()["expr"], width)

    assert len(shown) == lines
    assert " ".join(shown) == TITLE


NAME = "Wrangler Authentics Men's Short Sleeve Classic Woven Shirt in Blue · B0012Y0ZG2"


@pytest.mark.parametrize(("width", "longest"), [(330, 21), (470, 30), (1100, 45)])
def test_long_names_keep_their_beginning_and_their_end(width, longest):
    shown = evaluated(TWO_LINES.replace("datum.label", json.dumps(NAME)), width)

    first, last = shown
    assert NAME.startswith(first.removesuffix("…"))
    assert NAME.endswith(last)
    assert "B0012Y0ZG2" in last
    assert max(map(len, shown)) <= longest


def test_means_are_drawn_on_a_scale_that_contains_them_and_at_least_one_star():
    cases = ([4.2, 4.3], [1.0, 5.0], [5.0], [1.0, 1.1], [], [None, 3.0, 1.2])
    for means in cases:
        low, high = style.stars_scale(means).to_dict()["domain"]

        assert 1 <= low <= high - 1 <= 4
        assert all(low <= mean <= high for mean in means if mean is not None)


def test_monthly_sums_say_that_they_add_up_partial_years():
    month = {"month": 1, "reviews": 90, "rated": 90, "mean_stars": 4.0}

    for build in (over_time.reviews_per_month, over_time.mean_per_month):
        assert "partial years too" in svg(build(pa.Table.from_pylist([month])))


def svg(chart):
    return vl_convert.vegalite_to_svg(json.dumps(chart.properties(width=600).to_dict()))


def title_of(chart):
    """Return the title as it is drawn, its lines with blanks between them."""
    (group,) = re.findall(r'role-title-text".*?</g>', svg(chart), re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>|^[^>]*>", " ", group)).strip()


def evaluated(expression, width):
    """Return the lines that an expression of Vega gives in a place of this width."""
    text = expression.replace("containerSize()[0]", str(width))
    text = f"join(isArray({text}) ? {text} : [{text}], '|')"
    spec = {
        "data": {"values": [{}]},
        "transform": [{"calculate": text, "as": "shown"}],
        "mark": "text",
        "encoding": {"text": {"field": "shown"}},
    }
    (shown,) = re.findall(r"<text[^>]*>(.*?)</text>", vl_convert.vegalite_to_svg(json.dumps(spec)))
    for code, sign in (("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        shown = shown.replace(code, sign)
    return shown.split("|")
