"""Charts of the reviews: stars, sentiment, time, length, price and credibility."""

from typing import Any

import altair as alt
import pyarrow as pa

from amazon_reviews.schemas.vocabulary import ALL_CATEGORIES, NEGATIVE, UNKNOWN
from amazon_reviews.serving.charts import kinds, style
from amazon_reviews.serving.charts.kinds import RATED
from amazon_reviews.serving.charts.style import AMOUNT, COUNT, EXACT, MEAN, SENTIMENTS, SHARE, tips
from amazon_reviews.serving.charts.wording import Heading, commonest, cut, leader, share_of

_PRICES = {"listed": style.BLUE, "imputed": style.SKY, UNKNOWN: style.PALE}
_KINDS = {False: "listed", True: "imputed", None: UNKNOWN}
"""The kind of price by the column price_imputed."""

_VERIFIED = {"verified": style.BLUE, "not verified": style.VERMILLION, UNKNOWN: style.PALE}
_PURCHASES = {True: "verified", False: "not verified", None: UNKNOWN}
"""The kind of purchase by the column verified."""


def stars_by_verified(table: pa.Table) -> alt.Chart:
    """Chart the reviews per stars, stacked by purchase: verified, not verified or unknown."""
    rows = [
        row
        | {
            "label": f"{row['stars']} ★" if row["stars"] else "unrated",
            "purchase": _PURCHASES[row["verified"]],
        }
        for row in table.to_pylist()
    ]
    order = ["unrated", *(f"{stars} ★" for stars in range(1, 6))]
    rated = [row for row in rows if row["stars"]]
    title = commonest(rated, "label", "{share} of the reviews give {name}")
    return (
        style.base(rows, Heading("Reviews per stars", title))
        .mark_bar()
        .encode(
            x=style.x_names("label", "stars", order),
            y=style.y_amount("reviews", "reviews"),
            color=style.coloured("purchase", _VERIFIED, style.NUMBERS),
            tooltip=tips(
                label=("stars", None), purchase=("purchase", None), reviews=("reviews", EXACT)
            ),
        )
    )


def sentiments(table: pa.Table) -> alt.Chart:
    """Chart the reviews per sentiment of the stars, from one row of sums."""
    rows = kinds.by_sentiment([row | {"label": "all"} for row in table.to_pylist()])
    title = share_of(rows, "sentiment", NEGATIVE, "{share} of the reviews are negative")
    heading = Heading("Sentiment of the stars", title, "negative: below 3 stars, positive: above 3")
    return (
        style.base(rows, heading, alt.Step(34))
        .mark_bar()
        .encode(
            x=style.x_amount("reviews", "reviews"),
            y=style.y_names("sentiment"),
            color=style.coloured("sentiment", SENTIMENTS).legend(None),
            tooltip=tips(
                sentiment=("sentiment", None),
                reviews=("reviews", EXACT),
                share=("share of the rated", SHARE),
            ),
        )
    )


def review_lengths(table: pa.Table) -> alt.Chart:
    """Chart the reviews per band of length."""
    rows = [row | {"label": _words(row)} for row in table.to_pylist()]
    title = commonest(rows, "label", "{share} of the reviews have {name} words")
    return (
        style.base(rows, Heading("Length of the reviews", title), _STEP)
        .mark_bar()
        .encode(
            x=style.x_amount("reviews", "reviews"),
            y=style.y_names("label", "words of a review"),
            color=style.coloured("sentiment", SENTIMENTS | {"unrated": style.PALE}),
            tooltip=tips(
                label=("words", None),
                sentiment=("sentiment", None),
                reviews=("reviews", EXACT),
                mean_words=("mean words", ".0f"),
                mean_characters=("mean characters", ".0f"),
                mean_word_length=("characters per word", MEAN),
            ),
        )
    )


def length_sentiments(table: pa.Table) -> alt.Chart:
    """Chart the shares of the sentiments per band of length."""
    sums: dict[str, dict[str, Any]] = {}
    for row in table.to_pylist():
        band = sums.setdefault(_words(row), {"label": _words(row), "rated": 0})
        for name in ("rated", *SENTIMENTS):
            band[name] = band.get(name, 0) + row[name]
    heading = Heading("Sentiment by length", "Is a longer review a worse one?")
    lengths = style.y_names("label", "words of a review")
    return kinds.sentiment_shares(kinds.by_sentiment(list(sums.values())), heading, lengths)


def prices(table: pa.Table) -> alt.Chart:
    """Chart the reviews per band of price and kind of price: listed, imputed or unknown."""
    rows = _priced(table)
    title = share_of(rows, "price", "listed", "For {share} of the reviews the price is known")
    return (
        style.base(rows, Heading("Price of the reviewed products", title), _STEP)
        .mark_bar()
        .encode(
            x=style.x_amount("reviews", "reviews"),
            y=_PRICE_BANDS,
            color=style.coloured("price", _PRICES),
            tooltip=[*tips(price=("price", None)), *RATED],
        )
    )


def price_ratings(table: pa.Table) -> alt.Chart:
    """Chart the mean stars per band and kind of price; the size shows the number of reviews."""
    rows = [row for row in _priced(table) if row["rated"]]
    title = "Do expensive products get better stars?"
    heading = Heading("Mean stars by price", title, "a large point has many reviews")
    scale = style.stars_scale(row["mean_stars"] for row in rows)
    return (
        style.base(rows, heading, _STEP)
        .mark_circle(opacity=0.9)
        .encode(
            x=style.x_amount("mean_stars", "mean stars", AMOUNT, scale=scale),
            y=_PRICE_BANDS,
            size=alt.Size(
                "rated", type="quantitative", scale=alt.Scale(range=[40, 600]), legend=None
            ),
            color=style.coloured("price", _PRICES),
            tooltip=[*tips(price=("price", None)), *RATED],
        )
    )


def credibility(table: pa.Table) -> style.AnyChart:
    """Chart the mean stars of verified minus those of other buyers, with their 95 % intervals."""
    rows = [
        row | {"verdict": "differs" if row["significant"] else "may be chance"}
        for row in table.to_pylist()
    ]
    colours = {"differs": style.BLUE, "may be chance": style.GREY}
    tooltip = tips(
        main_category=("category", None),
        difference=("difference", "+.2f"),
        low=("from", "+.2f"),
        high=("to", "+.2f"),
        q_value=("q", ".4f"),
        verified_mean=("verified", MEAN),
        verified_rated=("verified reviews", EXACT),
        unverified_mean=("not verified", MEAN),
        unverified_rated=("other reviews", EXACT),
    )
    title, categories = (
        "Do verified buyers rate differently?",
        [r for r in rows if r["main_category"] != ALL_CATEGORIES],
    )
    if found := sum(row["significant"] for row in categories):
        title = f"Verified buyers rate differently in {found} of {len(categories)} categories"
    heading = Heading(
        "Stars of verified and other buyers per category",
        title,
        "above 0: verified give more; 95 % intervals",
    )
    chart = kinds.estimates(
        rows,
        heading,
        "main_category",
        ("difference", "more stars by verified buyers", "+,~f"),
        ("low", "high"),
        tooltip,
        style.coloured("verdict", colours),
        reference=0,
    )
    return style.clickable(chart, "main_category")


def reviews_per_origin(table: pa.Table, most: int = 15) -> alt.Chart:
    """Chart the reviews of the languages or marketplaces, which are the first column."""
    name = table.column_names[0]
    tooltip = tips(
        **{name: (name, None)},
        reviews=("reviews", EXACT),
        mean_stars=("mean stars", MEAN),
        negative_share=("negative", SHARE),
    )
    rows, value = table.to_pylist()[:most], ("reviews", "reviews", COUNT)
    title = leader(table.to_pylist(), name, "reviews", name)
    heading = Heading(f"Reviews per {name}", title, cut(len(rows), table.num_rows))
    return kinds.ranking(rows, heading, name, value, tooltip)


_STEP = alt.Step(style.ROW_HEIGHT)
_PRICE_BANDS = style.y_names("label", "price")


def _words(row: dict[str, Any]) -> str:
    return _band(row["length_from"], row["length_to"])


def _band(start: int, end: int | None) -> str:
    if end is None:
        return f"{start}+"
    return str(start) if start == end else f"{start}–{end}"


def _priced(table: pa.Table) -> list[dict[str, Any]]:
    return [
        row | {"label": _dollars(row), "price": _KINDS[row["price_imputed"]]}
        for row in table.to_pylist()
    ]


def _dollars(row: dict[str, Any]) -> str:
    if row["price_from"] is None:
        return UNKNOWN
    return f"${_band(row['price_from'], row['price_to'])}"
