"""Charts of categories, brands and products."""

from typing import Any

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.schemas.vocabulary import FALSE_DISCOVERIES, UNKNOWN
from amazon_reviews.serving.charts import kinds, style
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
from amazon_reviews.serving.charts.timeline import every_year, years_axis
from amazon_reviews.serving.charts.wording import Heading, commonest, cut, leader
from amazon_reviews.serving.product_names import product_name

_SIDES = ("before", "period")
_ADJUSTED = tips(
    reviews=("reviews", EXACT), mean_stars=("mean stars", MEAN), shrunk_stars=("adjusted", MEAN)
)
_MOST = 25
"""Categories of a chart: the same number in each, so that those side by side are as high."""

EXCESS = (
    "The negative reviews of a category less those that the share of negative reviews of all "
    "categories would give. A category is more or less negative if its q-value is below 0.05: the "
    "p-value adjusted for the number of categories."
)
"""Explanation of the chart of priorities."""

_MORE, _LESS, _CHANCE = "more negative", "less negative", "may be chance"
_VERDICTS = {_MORE: style.VERMILLION, _CHANCE: style.GREY, _LESS: style.BLUE}


def categories_by_reviews(table: pa.Table, most: int = _MOST) -> AnyChart:
    """Chart the reviews of the main categories with most reviews."""
    rows = _top(table, "reviews", most)
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
    largest = _top(rated, "reviews", most)
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
    rows = [row | {"verdict": _verdict(row)} for row in _top(table, "excess_negative", most)]
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
    rows = _top(table, "products", most)
    title = leader(table.to_pylist(), "main_category", "products", "category")
    heading = Heading("Products per category", title, cut(len(rows), table.num_rows))
    value = ("products", "products", COUNT)
    bars = kinds.ranking(rows, heading, "main_category", value, tooltip)
    return style.clickable(bars, "main_category")


def secondary_categories(table: pa.Table, most: int = 20) -> AnyChart:
    """Chart the subcategories, the second ones of the path, with most reviews."""
    rows = [
        row | {"path": f"{row['secondary_category']} ({row['main_category']})"}
        for row in _top(table, "reviews", most)
    ]
    tooltip = [*tips(path=("subcategory", None), products=("products", EXACT)), *_ADJUSTED]
    value = ("reviews", "reviews", COUNT)
    remark = _largest(rows, table)
    heading = Heading("Reviews per subcategory", "Which subcategories have most reviews?", remark)
    return style.clickable(kinds.ranking(rows, heading, "path", value, tooltip), "main_category")


def brands_by_products(table: pa.Table, most: int = 15) -> alt.Chart:
    """Chart the brands with most products, without products that have no brand."""
    tooltip = [
        *tips(brand=("brand", None), products=("products", EXACT)),
        *tips(price_min=("lowest price", MONEY), price_max=("highest price", MONEY)),
        *_ADJUSTED,
    ]
    value = ("products", "products", COUNT)
    named = table.filter(pc.not_equal(table["brand"], UNKNOWN))
    rows = _top(named, "products", most)
    title = "Which brands have most products?"
    heading = Heading("Products per brand", title, _largest(rows, named))
    return kinds.ranking(rows, heading, "brand", value, tooltip)


def brand_reputation(table: pa.Table) -> alt.LayerChart:
    """Chart the adjusted mean stars of up to five brands per year, with their 95 % intervals."""
    by_brand: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        by_brand.setdefault(row["brand"], []).append(row)
    rows = [row | {"brand": name} for name, own in by_brand.items() for row in every_year(own)]
    heading = Heading(
        "Reputation of brands", "Do the brands get better or worse?", "with 95 % intervals"
    )
    scale = style.stars_scale(row.get(end) for row in rows for end in ("low", "high"))
    axis = "mean stars, adjusted for few reviews"
    brands = dict(zip(by_brand, style.SERIES, strict=False))
    lines = (
        style.base(rows, heading)
        .mark_line(point=True)
        .encode(
            x=years_axis(rows),
            y=style.y_amount("shrunk_stars", axis, AMOUNT, scale=scale),
            color=style.coloured("brand", brands, style.NUMBERS),
            tooltip=[
                *tips(brand=("brand", None), label=("year", None)),
                *_ADJUSTED,
                *tips(low=("from", MEAN), high=("to", MEAN)),
            ],
        )
    )
    intervals = lines.mark_rule(opacity=0.5).encode(
        y=style.y_amount("low", axis, AMOUNT, scale=scale), y2=alt.Y2("high")
    )
    return style.layered(heading.name, lines, intervals)


def product_stars(table: pa.Table) -> alt.Chart:
    """Chart the reviews per whole stars of one product, from its row."""
    row = table.to_pylist()[0]
    rows = [{"label": f"{n} ★", "reviews": row[f"stars_{n}"]} for n in range(5, 0, -1)]
    title = commonest(rows, "label", "{share} of its reviews give {name}")
    tooltip = tips(label=("stars", None), reviews=("reviews", EXACT))
    value = ("reviews", "reviews", COUNT)
    return kinds.ranking(rows, Heading("Reviews per stars", title), "label", value, tooltip)


def drops(table: pa.Table, most: int = 15) -> AnyChart:
    """Chart the drops of the stars of products with their 95 % intervals, the newest first."""
    rows = [
        {name: row[name] for name in ("asin", "rating_drop", "low", "high", "q_value")}
        | {f"{side}_{name}": row[f"{side}_{name}"] for side in _SIDES for name in ("mean", "rated")}
        | {
            "name": f"{row['begins_on']:%b %Y} · {product_name(row)} · {row['asin']}",
            "state": "going on" if row["going_on"] else "ended",
        }
        for row in table.to_pylist()[:most]
    ]
    tooltip = tips(
        name=("from", None),
        rating_drop=("stars less", MEAN),
        low=("at least", MEAN),
        high=("at most", MEAN),
        before_mean=("mean before", MEAN),
        before_rated=("reviews before", EXACT),
        period_mean=("mean of the drop", MEAN),
        period_rated=("reviews of the drop", EXACT),
        q_value=("q", ".2g"),
    )
    colours = {"going on": style.VERMILLION, "ended": style.GREY}
    left_out = "" if len(rows) == table.num_rows else f"the {len(rows)} newest drops"
    heading = Heading(
        "Drops of the stars of products", "Which products got worse?", "newest first"
    ).noting("95 % intervals")
    chart = kinds.estimates(
        rows,
        heading.noting(left_out),
        "name",
        ("rating_drop", "stars lost", AMOUNT),
        ("low", "high"),
        tooltip,
        style.coloured("state", colours),
        reference=0,
    )
    return style.clickable(chart, "asin")


def titles_by(table: pa.Table, sentiment: str) -> alt.Chart:
    """Chart the titles with most positive or most negative reviews."""
    tooltip = [*tips(title=("title", None)), *tips(**{sentiment: (sentiment, EXACT)}), *_ADJUSTED]
    value = (sentiment, f"{sentiment} reviews", COUNT)
    rows, colour = table.to_pylist(), style.SENTIMENTS[sentiment]
    title = f"Which titles get most {sentiment} reviews?"
    remark = f"the {len(rows)} with most; titles with many reviews have many of each kind"
    heading = Heading(f"Titles with most {sentiment} reviews", title, remark)
    return kinds.ranking(rows, heading, "title", value, tooltip, colour)


def title_images(table: pa.Table) -> alt.Chart:
    """Chart the mean pictures of a product per title, for the titles with most reviews."""
    tooltip = tips(
        title=("title", None), mean_images=("pictures", MEAN), products=("products", EXACT)
    )
    value = ("mean_images", "pictures per product", AMOUNT)
    heading = Heading(
        "Pictures of the most reviewed titles",
        "How many pictures do the most reviewed titles have?",
        "the title with most reviews first",
    )
    return kinds.ranking(table.to_pylist(), heading, "title", value, tooltip)


def product_coverage(table: pa.Table, most: int = 15) -> AnyChart:
    """Chart the share of the ratings that is held, of the products with most ratings."""
    rows = [
        # Bars of products with the same title would be stacked.
        row | {"name": f"{product_name(row)} · {row['asin']}"}
        for row in table.to_pylist()[:most]
        if row["share_held"] is not None
    ]
    tooltip = tips(
        name=("product", None),
        rating_number=("ratings at the source", EXACT),
        reviews=("reviews held", EXACT),
        average_rating=("mean at the source", MEAN),
        mean_stars=("mean stars", MEAN),
    )
    value = ("share_held", "reviews here, share of the ratings", PART)
    heading = Heading(
        "Completeness of the products with most ratings",
        "How many of the ratings are here as reviews?",
        f"the {len(rows)} products with most ratings at the source",
    )
    return style.clickable(kinds.ranking(rows, heading, "name", value, tooltip), "asin")


def _category() -> list[alt.Tooltip]:
    return [*tips(main_category=("category", None)), *_ADJUSTED]


def _largest(rows: list[dict[str, Any]], table: pa.Table) -> str:
    """Return the remark that rows are left out; the table itself may be cut, so without a total."""
    return f"the {len(rows)} largest" if len(rows) < table.num_rows else ""


def _verdict(row: dict[str, Any]) -> str:
    if row["q_value"] >= FALSE_DISCOVERIES:
        return _CHANCE
    return _MORE if row["excess_negative"] > 0 else _LESS


def _top(table: pa.Table, column: str, most: int) -> list[dict[str, Any]]:
    rows = [row for row in table.to_pylist() if row[column] is not None]
    return sorted(rows, key=lambda row: -row[column])[:most]
