"""Charts of categories, brands and products."""

from typing import Any

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.charts import kinds, style
from amazon_reviews.serving.charts.kinds import ADJUSTED, largest, top
from amazon_reviews.serving.charts.style import (
    AMOUNT,
    COUNT,
    EXACT,
    MEAN,
    MONEY,
    PART,
    AnyChart,
    tips,
)
from amazon_reviews.serving.charts.timeline import every_year, years_axis
from amazon_reviews.serving.charts.wording import Heading, commonest
from amazon_reviews.serving.product_names import product_name

_TRENDS = {"falling": style.VERMILLION, "rising": style.BLUE, "flat": style.GREY}
_SIDES = ("before", "period")


def brands_by_products(table: pa.Table, most: int = 15) -> alt.Chart:
    """Chart the brands with most products, without products that have no brand."""
    tooltip = [
        *tips(brand=("brand", None), products=("products", EXACT)),
        *tips(price_min=("lowest price", MONEY), price_max=("highest price", MONEY)),
        *ADJUSTED,
    ]
    value = ("products", "products", COUNT)
    named = table.filter(pc.not_equal(table["brand"], UNKNOWN))
    rows = top(named, "products", most)
    title = "Which brands have most products?"
    heading = Heading("Products per brand", title, largest(rows, named))
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
                *ADJUSTED,
                *tips(low=("from", MEAN), high=("to", MEAN)),
            ],
        )
    )
    intervals = lines.mark_rule(opacity=0.5).encode(
        y=style.y_amount("low", axis, AMOUNT, scale=scale), y2=alt.Y2("high")
    )
    return style.layered(heading.name, lines, intervals)


def brand_slopes(table: pa.Table, most: int = 15) -> AnyChart:
    """Chart the slopes of brands with their 95 % intervals, in the order of the table."""
    names = ("brand", "slope", "low", "high", "q_value", "rated", "trend")
    rows = [{name: row[name] for name in names} for row in table.to_pylist()[:most]]
    remark = f"{len(rows)} of {table.num_rows:,} tested: those with a trend, then the most reviewed"
    heading = Heading("Trends of brands", "Which brands get better or worse?", remark)
    tooltip = tips(
        brand=("brand", None),
        slope=("stars a year", "+.3f"),
        low=("from", "+.3f"),
        high=("to", "+.3f"),
        q_value=("q", ".2g"),
        rated=("rated reviews", EXACT),
    )
    value = ("slope", "change of the stars a year, 95 % interval", style.AMOUNT)
    colours = style.coloured("trend", _TRENDS)
    return kinds.estimates(rows, heading, "brand", value, ("low", "high"), tooltip, colours, 0)


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
    tooltip = [*tips(title=("title", None)), *tips(**{sentiment: (sentiment, EXACT)}), *ADJUSTED]
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
