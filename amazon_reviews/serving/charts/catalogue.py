"""Charts of categories, brands and products."""

from typing import Any

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.schemas.vocabulary import FALSE_DISCOVERIES, UNKNOWN
from amazon_reviews.serving.charts import style
from amazon_reviews.serving.charts.style import AMOUNT, COUNT, EXACT, MEAN, MONEY, PART, SHARE, tips
from amazon_reviews.serving.charts.timeline import every_year, years_axis
from amazon_reviews.serving.product_names import product_name

_SIDES = ("before", "period")
_SHRUNK = tips(
    reviews=("reviews", EXACT), mean_stars=("mean stars", MEAN), shrunk_stars=("shrunk", MEAN)
)

EXCESS = (
    "The negative reviews of a category less those that the share of negative reviews of all "
    "categories would give. A category is more or less negative if its q-value is below 0.05: the "
    "p-value adjusted for the number of categories."
)
"""Explanation of the chart of priorities."""

_VERDICTS = {
    "more negative": style.VERMILLION,
    "may be chance": style.GREY,
    "less negative": style.BLUE,
}


def categories_by_reviews(table: pa.Table, most: int = 15) -> style.AnyChart:
    """Chart the reviews of the main categories with most reviews."""
    rows = _top(table, "reviews", most)
    value = ("reviews", "reviews", COUNT)
    title = style.cut("Reviews per category", len(rows), table.num_rows)
    bars = style.ranking(rows, title, "main_category", value, _category())
    return style.clickable(bars, "main_category")


def categories_by_stars(table: pa.Table, most: int = 40) -> style.AnyChart:
    """Chart raw and shrunk mean stars of the main categories, the best shrunk mean first.

    If there are too many, those with most reviews: neither the best nor the worst are left out.
    """
    largest = _top(table, "reviews", most)
    title = style.cut("Mean stars per category", len(largest), table.num_rows)
    means = {"mean_stars": "raw mean", "shrunk_stars": "shrunk mean"}
    rows = [
        row | {"stars": row[column], "kind": kind}
        for row in sorted(largest, key=lambda row: -(row["shrunk_stars"] or 0))
        if row["rated"]
        for column, kind in means.items()
    ]
    colours = dict(zip(means.values(), (style.GREY, style.BLUE), strict=True))
    scale = alt.Scale(zero=False, nice=True)
    points = (
        style.base(rows, title, alt.Step(style.ROW_HEIGHT))
        .mark_point(filled=True, size=80, opacity=0.9)
        .encode(
            x=style.x_amount("stars", "mean stars", AMOUNT, scale=scale),
            y=style.y_names("main_category"),
            color=style.coloured("kind", colours),
            tooltip=_category(),
        )
    )
    return style.clickable(points, "main_category")


def categories_by_negative(table: pa.Table, most: int = 15) -> style.AnyChart:
    """Chart the share of negative reviews of main categories, with its 95 % interval.

    They are ordered by the lower end of the interval: few reviews alone put no category first.
    """
    rated = [row for row in table.to_pylist() if row["rated"]]
    rows = sorted(rated, key=lambda row: -row["share_low"])[:most]
    title = style.cut("Negative reviews per category", len(rows), len(rated))
    tooltip = [
        *_category(),
        *tips(
            negative_share=("negative", SHARE), share_low=("from", SHARE), share_high=("to", SHARE)
        ),
        *tips(negative=("negative reviews", EXACT)),
    ]
    shares = style.base(rows, title, alt.Step(style.ROW_HEIGHT)).encode(
        y=style.y_names("main_category"), tooltip=tooltip
    )
    interval = shares.mark_rule(strokeWidth=3, color=style.VERMILLION, opacity=0.5).encode(
        x=style.x_amount("share_low", "share of the rated reviews below 3 stars", PART),
        x2="share_high:Q",
    )
    points = shares.mark_point(filled=True, size=70, color=style.VERMILLION).encode(
        x="negative_share:Q"
    )
    return style.clickable(style.layered(title, interval, points), "main_category")


def categories_by_priority(table: pa.Table, most: int = 15) -> style.AnyChart:
    """Chart the excess of negative reviews of the main categories, the largest first."""
    rows = [row | {"verdict": _verdict(row)} for row in _top(table, "excess_negative", most)]
    title, axis = (
        "Where to improve first",
        "negative reviews above the overall share, 95 % interval",
    )
    tooltip = [
        *_category(),
        *tips(
            negative=("negative reviews", EXACT),
            negative_share=("negative", SHARE),
            excess_negative=("above the overall share", "+,.0f"),
            excess_low=("from", "+,.0f"),
            excess_high=("to", "+,.0f"),
        ),
    ]
    categories = style.base(rows, title, alt.Step(style.ROW_HEIGHT)).encode(
        y=style.y_names("main_category"),
        color=style.coloured("verdict", _VERDICTS),
        tooltip=tooltip,
    )
    interval = categories.mark_rule(strokeWidth=3).encode(
        x=style.x_amount("excess_low", axis), x2="excess_high:Q"
    )
    zero = alt.Chart().mark_rule(strokeDash=[4, 4], color=style.GREY).encode(x=alt.datum(0))
    excess = categories.mark_point(filled=True, size=70).encode(x="excess_negative:Q")
    return style.clickable(style.layered(title, zero, interval, excess), "main_category")


def products_per_category(table: pa.Table, most: int = 15) -> style.AnyChart:
    """Chart the products of the main categories with most products."""
    tooltip = tips(
        main_category=("category", None),
        products=("products", EXACT),
        share=("share of all products", SHARE),
        priced=("with a listed price", EXACT),
        mean_price=("mean listed price", MONEY),
        mean_images=("pictures per product", MEAN),
    )
    value = ("products", "products", COUNT)
    rows = _top(table, "products", most)
    title = style.cut("Products per category", len(rows), table.num_rows)
    return style.clickable(
        style.ranking(rows, title, "main_category", value, tooltip), "main_category"
    )


def secondary_categories(table: pa.Table, most: int = 20) -> style.AnyChart:
    """Chart the second categories of the path with most reviews."""
    rows = [
        row | {"path": f"{row['secondary_category']} ({row['main_category']})"}
        for row in _top(table, "reviews", most)
    ]
    tooltip = [*tips(path=("category", None), products=("products", EXACT)), *_SHRUNK]
    value = ("reviews", "reviews", COUNT)
    title = style.cut("Reviews per second category", len(rows), table.num_rows)
    return style.clickable(style.ranking(rows, title, "path", value, tooltip), "main_category")


def brands_by_products(table: pa.Table, most: int = 15) -> alt.Chart:
    """Chart the brands with most products, without products that have no brand."""
    tooltip = [
        *tips(brand=("brand", None), products=("products", EXACT)),
        *tips(price_min=("lowest price", MONEY), price_max=("highest price", MONEY)),
        *_SHRUNK,
    ]
    value = ("products", "products", COUNT)
    named = table.filter(pc.not_equal(table["brand"], UNKNOWN))
    rows = _top(named, "products", most)
    title = style.cut("Products per brand", len(rows), named.num_rows)
    return style.ranking(rows, title, "brand", value, tooltip)


def brand_reputation(table: pa.Table) -> alt.LayerChart:
    """Chart the shrunk mean stars of up to five brands per year, with their 95 % intervals."""
    by_brand: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        by_brand.setdefault(row["brand"], []).append(row)
    rows = [row | {"brand": name} for name, own in by_brand.items() for row in every_year(own)]
    lines = (
        style.base(rows, "Reputation of brands")
        .mark_line(point=True)
        .encode(
            x=years_axis(rows),
            y=style.y_amount("shrunk_stars", "shrunk mean stars", AMOUNT, scale=style.STARS),
            color=style.coloured("brand", dict(zip(by_brand, style.SERIES, strict=False))),
            tooltip=[
                *tips(brand=("brand", None), label=("year", None)),
                *_SHRUNK,
                *tips(low=("from", MEAN), high=("to", MEAN)),
            ],
        )
    )
    intervals = lines.mark_rule(opacity=0.5).encode(
        y=style.y_amount("low", "shrunk mean stars", AMOUNT, scale=style.STARS), y2=alt.Y2("high")
    )
    return style.layered("Reputation of brands", lines, intervals)


def product_stars(table: pa.Table) -> alt.Chart:
    """Chart the reviews per whole stars of one product, from its row."""
    row = table.to_pylist()[0]
    rows = [{"label": f"{n} ★", "reviews": row[f"stars_{n}"]} for n in range(5, 0, -1)]
    tooltip = tips(label=("stars", None), reviews=("reviews", EXACT))
    return style.ranking(rows, "Stars", "label", ("reviews", "reviews", COUNT), tooltip)


def drops(table: pa.Table, most: int = 15) -> style.AnyChart:
    """Chart the drops of the stars of products with their 95 % intervals, the newest first."""
    rows = [
        {name: row[name] for name in ("asin", "rating_drop", "low", "high", "q_value")}
        | {f"{side}_{name}": row[f"{side}_{name}"] for side in _SIDES for name in ("mean", "rated")}
        | {
            "name": f"{row['begins_on']:%b %Y} · {row['title'] or UNKNOWN} · {row['asin']}",
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
    title = "Products whose stars dropped, the newest drop first"
    products = style.base(rows, title, alt.Step(style.ROW_HEIGHT)).encode(
        y=style.y_names("name"), color=style.coloured("state", colours), tooltip=tooltip
    )
    interval = products.mark_rule(strokeWidth=3).encode(
        x=style.x_amount("low", "stars less than before, 95 % interval", AMOUNT), x2="high:Q"
    )
    points = products.mark_point(filled=True, size=70).encode(x="rating_drop:Q")
    return style.clickable(style.layered(title, interval, points), "asin")


def titles_by(table: pa.Table, sentiment: str) -> alt.Chart:
    """Chart the titles with most positive or most negative reviews."""
    tooltip = [*tips(title=("title", None)), *tips(**{sentiment: (sentiment, EXACT)}), *_SHRUNK]
    value = (sentiment, f"{sentiment} reviews", COUNT)
    rows, colour = table.to_pylist(), style.SENTIMENTS[sentiment]
    return style.ranking(rows, f"Most {sentiment} reviews", "title", value, tooltip, colour)


def title_images(table: pa.Table) -> alt.Chart:
    """Chart the mean pictures of a product per title, for the titles with most reviews."""
    tooltip = tips(
        title=("title", None), mean_images=("pictures", MEAN), products=("products", EXACT)
    )
    value = ("mean_images", "pictures per product", AMOUNT)
    title = "Pictures of the most reviewed titles"
    return style.ranking(table.to_pylist(), title, "title", value, tooltip)


def product_coverage(table: pa.Table, most: int = 15) -> style.AnyChart:
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
    value = ("share_held", "reviews held, share of the ratings", PART)
    title = "Completeness of the products with most ratings"
    return style.clickable(style.ranking(rows, title, "name", value, tooltip), "asin")


def _category() -> list[alt.Tooltip]:
    return [*tips(main_category=("category", None)), *_SHRUNK]


def _verdict(row: dict[str, Any]) -> str:
    if row["q_value"] >= FALSE_DISCOVERIES:
        return "may be chance"
    return "more negative" if row["excess_negative"] > 0 else "less negative"


def _top(table: pa.Table, column: str, most: int) -> list[dict[str, Any]]:
    rows = [row for row in table.to_pylist() if row[column] is not None]
    return sorted(rows, key=lambda row: -row[column])[:most]
