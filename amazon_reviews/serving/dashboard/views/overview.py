"""Overview: the whole at a glance."""

from functools import partial

import streamlit as st

from amazon_reviews.serving.charts import catalogue as catalogue_charts
from amazon_reviews.serving.charts import reviews as charts
from amazon_reviews.serving.dashboard.components import (
    chart,
    compact,
    guarded,
    note,
    share,
    stars,
    tiles,
)
from amazon_reviews.serving.dashboard.warehouse import UnanswerableError, ask
from amazon_reviews.serving.queries import catalogue, reviews
from amazon_reviews.serving.queries.filters import Filters


def show(filters: Filters) -> None:
    """Totals, stars, sentiment, years and categories, and what needs a look."""
    guarded(partial(_figures, filters))
    guarded(partial(_whole, filters))
    left, right = st.columns(2)
    with left:
        chart("stars", charts.stars_by_verified, ask(reviews.by_stars, filters))
        chart(
            "categories",
            partial(catalogue_charts.categories_by_reviews, most=10),
            ask(reviews.by_category, filters),
        )
    with right:
        chart("years", charts.reviews_per_year, ask(reviews.by_year, filters))
        chart("sentiments", charts.sentiments, ask(reviews.summed, filters))
    guarded(_hints)


def _figures(filters: Filters) -> None:
    found = ask(reviews.summed, filters).to_pylist()
    row = found[0] if found else dict.fromkeys(("reviews", "rated", "positive", "negative"), 0)
    tiles(
        {
            "Reviews": compact(row["reviews"]),
            "Mean stars": stars(row.get("mean_stars")),
            "Positive": share(row["positive"], row["rated"]),
            "Negative": share(row["negative"], row["rated"]),
        }
    )


def _whole(filters: Filters) -> None:
    rows = ask(reviews.totals).to_pylist()
    if not rows:
        raise UnanswerableError("`gold/totals` has no row.")
    row = rows[0]
    tiles(
        {
            "Customers": compact(row["customers"]),
            "Products reviewed": compact(row["reviewed_products"]),
            "Products": compact(row["products"]),
            "Brands": compact(row["brands"]),
        }
    )
    note(filters)
    if row["first_on"]:
        st.caption(f"Reviews from {row['first_on']:%d %B %Y} to {row['last_on']:%d %B %Y}.")


def _hints() -> None:
    alerts = ask(catalogue.alert_count)["products"][0].as_py()
    trends = ask(catalogue.trend_counts).to_pylist()[0]
    st.info(
        f"{alerts:,} products stand out from the year before; of {trends['brands']:,} brands with "
        f"a trend test, {trends['rising']:,} rise and {trends['falling']:,} fall. "
        "See Brands & products.",
        icon=":material/notifications:",
    )
