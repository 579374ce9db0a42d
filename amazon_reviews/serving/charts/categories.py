"""Charts of categories."""

from typing import Any

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.schemas.vocabulary import FALSE_DISCOVERIES
from amazon_reviews.serving.charts import kinds, style
from amazon_reviews.serving.charts.kinds import ADJUSTED, largest, top
from amazon_reviews.serving.charts.style import (
    AMOUNT,
    COUNT,
    EXACT,
    MEAN,
    MONEY,
    PART,
    SHARE,
    AnyChart,
    tips,
)
from amazon_reviews.serving.charts.wording import Heading, cut, leader

EXCESS = (
    "The negative reviews of a category less those that the share of negative reviews of all "
    "categories would give. A category is more or less negative if its q-value is below 0.05: the "
    "p-value adjusted for the number of categories."
)
"""Explanation of the chart of priorities."""
_MORE, _LESS, _CHANCE = "more negative", "less negative", "may be chance"
_VERDICTS = {_MORE: style.VERMILLION, _CHANCE: style.GREY, _LESS: style.BLUE}
_MOST = 25
"""Categories of a chart: the same number in each, so that those side by side are as high."""


def categories_by_reviews(table: pa.Table, most: int = _MOST) -> AnyChart:
    """Chart the reviews of the main categories with most reviews."""
    rows = top(table, "reviews", most)
    title = leader(table.to_pylist(), "main_category", "reviews", "category")
    heading = Heading("Reviews per category", title, cut(len(rows), table.num_rows))
    value = ("reviews", "reviews", COUNT)
    bars = kinds.ranking(rows, heading, "main_category", value, _category())
    return style.clickable(bars, "main_category")


def categories_by_stars(table: pa.Table, most: int = 40) -> AnyChart:
    """Chart raw and adjusted mean stars of the main categories, the best adjusted mean first.

    If there are too many, those with most reviews: neither the best nor the worst are left out.
    """
    rated = table.filter(pc.greater(table["rated"], 0))
    largest = top(rated, "reviews", most)
    means = {"mean_stars": "mean", "shrunk_stars": "adjusted for few reviews"}
    rows = [
        row | {"stars": row[column], "kind": kind}
        for row in sorted(largest, key=lambda row: -(row["shrunk_stars"] or 0))
        for column, kind in means.items()
    ]
    colours = dict(zip(means.values(), (style.GREY, style.BLUE), strict=True))
    title, scale = (
        "Which categories get the best stars?",
        style.stars_scale(r["stars"] for r in rows),
    )
    heading = Heading("Mean stars per category", title, cut(len(largest), rated.num_rows))
    points = (
        style.base(rows, heading, alt.Step(style.ROW_HEIGHT))
        .mark_point(filled=True, size=80, opacity=0.9)
        .encode(
            x=style.x_amount("stars", "mean stars", AMOUNT, scale=scale),
            y=style.y_names("main_category"),
            color=style.coloured("kind", colours),
            tooltip=_category(),
        )
    )
    return style.clickable(points, "main_category")


def categories_by_negative(table: pa.Table, most: int = _MOST) -> AnyChart:
    """Chart the share of negative reviews of main categories, with its 95 % interval.

    They are ordered by the lower end of the interval: few reviews alone put no category first.
    """
    rated = [row for row in table.to_pylist() if row["rated"]]
    rows = sorted(rated, key=lambda row: -row["share_low"])[:most]
    heading = Heading(
        "Negative reviews per category",
        "Where are reviews most often negative?",
        "below 3 stars, with 95 % intervals",
    ).noting(cut(len(rows), len(rated)))
    tooltip = [
        *_category(),
        *tips(
            negative_share=("negative", SHARE), share_low=("from", SHARE), share_high=("to", SHARE)
        ),
        *tips(negative=("negative reviews", EXACT)),
    ]
    value, ends = ("negative_share", "share of the reviews", PART), ("share_low", "share_high")
    chart = kinds.estimates(rows, heading, "main_category", value, ends, tooltip, style.VERMILLION)
    return style.clickable(chart, "main_category")


def categories_by_priority(table: pa.Table, most: int = _MOST) -> AnyChart:
    """Chart the excess of negative reviews of the main categories, the largest first."""
    rows = [row | {"verdict": _verdict(row)} for row in top(table, "excess_negative", most)]
    worst = [row["main_category"] for row in rows if row["verdict"] == _MORE]
    title = "No category is clearly more negative than others"
    if worst:
        title = f"Where to improve first: {worst[0]}"
    heading = Heading("Excess of negative reviews", title, "95 % intervals")
    tooltip = [
        *_category(),
        *tips(
            negative=("negative reviews", EXACT),
            negative_share=("negative", SHARE),
            excess_negative=("more than usual", "+,.0f"),
            excess_low=("from", "+,.0f"),
            excess_high=("to", "+,.0f"),
        ),
    ]
    chart = kinds.estimates(
        rows,
        heading.noting(cut(len(rows), table.num_rows)),
        "main_category",
        ("excess_negative", "negative reviews more than usual", COUNT),
        ("excess_low", "excess_high"),
        tooltip,
        style.coloured("verdict", _VERDICTS),
        reference=0,
    )
    return style.clickable(chart, "main_category")


def products_per_category(table: pa.Table, most: int = _MOST) -> AnyChart:
    """Chart the products of the main categories with most products."""
    tooltip = tips(
        main_category=("category", None),
        products=("products", EXACT),
        share=("share of all products", SHARE),
        priced=("with a listed price", EXACT),
        mean_price=("mean listed price", MONEY),
        mean_images=("pictures per product", MEAN),
    )
    rows = top(table, "products", most)
    title = leader(table.to_pylist(), "main_category", "products", "category")
    heading = Heading("Products per category", title, cut(len(rows), table.num_rows))
    value = ("products", "products", COUNT)
    bars = kinds.ranking(rows, heading, "main_category", value, tooltip)
    return style.clickable(bars, "main_category")


def secondary_categories(table: pa.Table, most: int = 20) -> AnyChart:
    """Chart the subcategories, the second ones of the path, with most reviews."""
    rows = [
        row | {"path": f"{row['secondary_category']} ({row['main_category']})"}
        for row in top(table, "reviews", most)
    ]
    tooltip = [*tips(path=("subcategory", None), products=("products", EXACT)), *ADJUSTED]
    value = ("reviews", "reviews", COUNT)
    remark = largest(rows, table)
    heading = Heading("Reviews per subcategory", "Which subcategories have most reviews?", remark)
    return style.clickable(kinds.ranking(rows, heading, "path", value, tooltip), "main_category")


def _category() -> list[alt.Tooltip]:
    return [*tips(main_category=("category", None)), *ADJUSTED]


def _verdict(row: dict[str, Any]) -> str:
    if row["q_value"] >= FALSE_DISCOVERIES:
        return _CHANCE
    return _MORE if row["excess_negative"] > 0 else _LESS
