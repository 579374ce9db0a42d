"""Charts of the reviews: stars, sentiment, time, length, price and credibility."""

from typing import Any

import altair as alt
import pyarrow as pa

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.charts import style
from amazon_reviews.serving.charts.style import AMOUNT, COUNT, EXACT, MEAN, SENTIMENTS, SHARE, tips
from amazon_reviews.serving.charts.timeline import MONTHS, every_month, every_year, years_axis

_PRICES = {"listed": style.BLUE, "imputed": style.GREY, UNKNOWN: style.PALE}
_KINDS = {False: "listed", True: "imputed", None: UNKNOWN}
"""The kind of price by the column price_imputed."""

_VERIFIED = {"verified": style.BLUE, "not verified": style.VERMILLION, UNKNOWN: style.PALE}
_PURCHASES = {True: "verified", False: "not verified", None: UNKNOWN}
"""The kind of purchase by the column verified."""

_RATED = tips(
    label=("", None),
    reviews=("reviews", EXACT),
    rated=("rated reviews", EXACT),
    mean_stars=("mean stars", MEAN),
)


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
    return (
        style.base(rows, "Reviews per stars")
        .mark_bar()
        .encode(
            x=style.x_names("label", "stars", order),
            y=style.y_amount("reviews", "reviews"),
            color=style.coloured("purchase", _VERIFIED),
            tooltip=tips(
                label=("stars", None), purchase=("purchase", None), reviews=("reviews", EXACT)
            ),
        )
    )


def sentiments(table: pa.Table) -> alt.Chart:
    """Chart the reviews per sentiment of the stars, from one row of sums."""
    rows = style.by_sentiment([row | {"label": "all"} for row in table.to_pylist()])
    return (
        style.base(rows, "Sentiment of the stars", alt.Step(34))
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


def reviews_per_year(table: pa.Table) -> style.AnyChart:
    """Chart the reviews per year, without reviews that have no date."""
    rows, value = every_year(table.to_pylist()), ("reviews", "reviews", COUNT)
    chart = style.columns(rows, "Reviews per year", years_axis(rows), value, _RATED)
    return _mark_partial(chart, rows, chart.encoding, alt.MarkDef("bar"))


def mean_per_year(table: pa.Table) -> style.AnyChart:
    """Chart the mean stars per year."""
    rows = every_year(table.to_pylist())
    chart = style.mean_line(rows, "Mean stars per year", years_axis(rows), _RATED)
    return _mark_partial(chart, rows, chart.layer[0].encoding)


def sentiment_per_year(table: pa.Table) -> alt.Chart:
    """Chart the shares of the sentiments per year."""
    rows = every_year(table.to_pylist())
    bars = style.by_sentiment(rows)
    return style.sentiment_shares(bars, "Sentiment per year", years_axis(rows))


def reviews_per_month(table: pa.Table) -> alt.Chart:
    """Chart the reviews per month of the year, over all years."""
    value = ("reviews", "reviews", COUNT)
    return style.columns(_months(table), "Reviews per month of the year", _MONTHS, value, _RATED)


def mean_per_month(table: pa.Table) -> alt.LayerChart:
    """Chart the mean stars per month of the year, over all years."""
    return style.mean_line(_months(table), "Mean stars per month of the year", _MONTHS, _RATED)


def seasonality(table: pa.Table) -> alt.LayerChart:
    """Chart the seasonal index per month with its interval: 1 is the mean month of a year."""
    rows, index = _months(table), ("seasonal_index", "times the mean month", AMOUNT)
    tooltip = [
        *_RATED[:2],
        *tips(
            seasonal_index=("seasonal index", MEAN),
            low=("from", MEAN),
            high=("to", MEAN),
            whole_years=("whole years", EXACT),
        ),
    ]
    bars = style.columns(rows, "Seasonality", _MONTHS, index, tooltip)
    rule = alt.Chart().mark_rule(strokeDash=[4, 4], color=style.GREY).encode(y=alt.datum(1))
    known = alt.InlineData(values=[row for row in rows if row["low"] is not None])
    intervals = (
        alt.Chart(known)
        .mark_rule(strokeWidth=3, color=style.VERMILLION)
        .encode(x=_MONTHS, y=style.y_amount("low", index[1], AMOUNT), y2="high:Q", tooltip=tooltip)
    )
    return style.layered("Seasonality", bars, intervals, rule)


def reviews_over_time(table: pa.Table) -> style.AnyChart:
    """Chart the reviews per year and month."""
    rows = every_month(table.to_pylist())
    chart = (
        style.base(rows, "Reviews per month")
        .mark_area(color=style.BLUE, opacity=0.75, line={"color": style.BLUE})
        .encode(x=MONTHS, y=style.y_amount("reviews", "reviews per month"), tooltip=_RATED)
    )
    return _mark_partial(chart, rows, chart.encoding)


def mean_over_time(table: pa.Table) -> style.AnyChart:
    """Chart the mean stars per year and month."""
    rows = every_month(table.to_pylist())
    chart = style.mean_line(rows, "Mean stars per month", MONTHS, _RATED)
    return _mark_partial(chart, rows, chart.layer[0].encoding)


def review_lengths(table: pa.Table) -> alt.Chart:
    """Chart the reviews per band of length."""
    rows = [row | {"label": _words(row)} for row in table.to_pylist()]
    return (
        style.base(rows, "Length of the reviews", alt.Step(style.ROW_HEIGHT))
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
    rows = style.by_sentiment(list(sums.values()))
    lengths = style.y_names("label", "words of a review")
    return style.sentiment_shares(rows, "Sentiment by length", lengths)


def prices(table: pa.Table) -> alt.Chart:
    """Chart the reviews per band of price and kind of price: listed, imputed or unknown."""
    return (
        style.base(_priced(table), "Price of the reviewed products", alt.Step(style.ROW_HEIGHT))
        .mark_bar()
        .encode(
            x=style.x_amount("reviews", "reviews"),
            y=_PRICE_BANDS,
            color=style.coloured("price", _PRICES),
            tooltip=[*tips(price=("price", None)), *_RATED],
        )
    )


def price_ratings(table: pa.Table) -> alt.Chart:
    """Chart the mean stars per band and kind of price; the size shows the number of reviews."""
    rows = [row for row in _priced(table) if row["rated"]]
    return (
        style.base(rows, "Mean stars by price", alt.Step(style.ROW_HEIGHT))
        .mark_circle(opacity=0.9)
        .encode(
            x=style.x_amount("mean_stars", "mean stars", AMOUNT, scale=style.STARS),
            y=_PRICE_BANDS,
            size=alt.Size(
                "rated", type="quantitative", scale=alt.Scale(range=[40, 600]), legend=None
            ),
            color=style.coloured("price", _PRICES),
            tooltip=[*tips(price=("price", None)), *_RATED],
        )
    )


def credibility(table: pa.Table) -> style.AnyChart:
    """Chart verified minus unverified mean stars per category, with its 95 % interval."""
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
    categories = style.base(
        rows, "Verified minus unverified stars", alt.Step(style.ROW_HEIGHT)
    ).encode(
        y=style.y_names("main_category"), color=style.coloured("verdict", colours), tooltip=tooltip
    )
    title = "difference of the mean stars, 95 % interval"
    interval = categories.mark_rule(strokeWidth=3).encode(
        x=style.x_amount("low", title, "+,~f"), x2="high:Q"
    )
    zero = alt.Chart().mark_rule(strokeDash=[4, 4], color=style.GREY).encode(x=alt.datum(0))
    means = categories.mark_point(filled=True, size=70).encode(x="difference:Q")
    chart = style.layered("Verified minus unverified stars", zero, interval, means)
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
    title = style.cut(f"Reviews per {name}", len(rows), table.num_rows)
    return style.ranking(rows, title, name, value, tooltip)


_MONTHS = style.x_names("label", "month", style.MONTHS)
_PRICE_BANDS = style.y_names("label", "price in US dollars")
_PARTIAL = "partial"
_PARTIAL_POINT = alt.MarkDef("point", filled=True, size=120, opacity=1)


def _mark_partial(
    chart: style.AnyChart,
    rows: list[dict[str, Any]],
    encoding: alt.FacetedEncoding,
    mark: alt.MarkDef = _PARTIAL_POINT,
) -> style.AnyChart:
    """Return a chart over time with the partial periods in another colour, named in a legend.

    `encoding` has the axes of the chart.
    """
    partial = [row | {"period": _PARTIAL} for row in rows if row.get("partial")]
    if not partial:
        return chart
    colour = style.coloured("period", {_PARTIAL: style.SKY})
    marks = alt.Chart(alt.InlineData(values=partial), mark=mark).encode(
        x=encoding.x, y=encoding.y, color=colour, tooltip=_RATED
    )
    return style.layered(chart.description, chart, marks)


def _months(table: pa.Table) -> list[dict[str, Any]]:
    return [row | {"label": style.MONTHS[row["month"] - 1]} for row in table.to_pylist()]


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
    return UNKNOWN if row["price_from"] is None else _band(row["price_from"], row["price_to"])
