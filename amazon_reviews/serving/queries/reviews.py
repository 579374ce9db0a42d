"""Queries of the reviews: they read small cubes, which the filters can be applied to."""

import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.vocabulary import (
    ALL_CATEGORIES,
    NEGATIVE,
    NEUTRAL,
    NEUTRAL_STARS,
    POSITIVE,
    PRIOR_REVIEWS,
    UNKNOWN,
)
from amazon_reviews.serving.intervals import share_columns
from amazon_reviews.serving.queries.excess import with_excess
from amazon_reviews.serving.queries.filters import CATEGORY, WHOLE_STARS, Filters
from amazon_reviews.serving.queries.query import mart, query, rows

_RATED = "SUM(CASE WHEN c.stars IS NOT NULL THEN c.reviews ELSE 0 END)"
_MEASURES = f"""
    SUM(c.reviews) AS reviews,
    {_RATED} AS rated,
    SUM(c.stars * c.reviews) / NULLIF({_RATED}, 0) AS mean_stars,
    SUM(CASE WHEN c.stars > {NEUTRAL_STARS} THEN c.reviews ELSE 0 END) AS positive,
    SUM(CASE WHEN c.stars = {NEUTRAL_STARS} THEN c.reviews ELSE 0 END) AS neutral,
    SUM(CASE WHEN c.stars < {NEUTRAL_STARS} THEN c.reviews ELSE 0 END) AS negative"""
_DATED = "c.year IS NOT NULL"
_SENTIMENT = (
    f"CASE WHEN c.stars < {NEUTRAL_STARS} THEN '{NEGATIVE}' "
    f"WHEN c.stars = {NEUTRAL_STARS} THEN '{NEUTRAL}' "
    f"WHEN c.stars > {NEUTRAL_STARS} THEN '{POSITIVE}' ELSE 'unrated' END"
)


@query("gold/totals")
def totals(warehouse: Warehouse) -> pa.Table:
    """One row: the totals over all reviews and products."""
    return mart(warehouse, "gold/totals", "m.reviews")


@query("gold/review_counts")
def months(warehouse: Warehouse) -> pa.Table:
    """One row per year and month with reviews, in their order."""
    cube = warehouse.relation("gold/review_counts")
    return rows(
        warehouse,
        f"SELECT DISTINCT c.year, c.month FROM {cube} AS c WHERE {_DATED} ORDER BY 1, 2",
    )


@query("gold/review_counts")
def main_categories(warehouse: Warehouse) -> pa.Table:
    """One row per main category of the reviews, in alphabetical order."""
    cube = warehouse.relation("gold/review_counts")
    return rows(warehouse, f"SELECT DISTINCT c.main_category FROM {cube} AS c ORDER BY 1")


@query("gold/review_counts")
def summed(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row: reviews, rated, mean_stars and the three sentiments."""
    return _measured(warehouse, "review_counts", {}, filters)


@query("gold/review_counts")
def by_stars(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per whole stars (null for unrated) and verified."""
    stars = WHOLE_STARS.format(column="c.stars")
    dimensions = {"stars": stars, "verified": "c.verified"}
    return _measured(warehouse, "review_counts", dimensions, filters)


@query("gold/review_counts", "gold/years")
def by_year(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per year; reviews without a date are left out.

    `partial` years begin before the first of all reviews or filtered months, or end after the last.
    """
    return _with_partial(warehouse, filters, "gold/years", "year")


@query("gold/review_counts")
def by_month(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per month of the year, 1 to 12; reviews without a date are left out."""
    return _measured(warehouse, "review_counts", {"month": "c.month"}, filters, where=_DATED)


@query("gold/review_counts", "gold/year_months")
def by_year_month(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per year and month; reviews without a date are left out.

    `partial` months begin before the first of all reviews, or end after the newest.
    """
    return _with_partial(warehouse, filters, "gold/year_months", "year", "month")


@query("gold/review_counts", "gold/year_months")
def by_whole_month(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per year and month with reviews that is not partial, with sums to compare.

    `stars` and `squares` are sums over the rated reviews; `verified` are reviews.
    """
    sums = """,
    SUM(c.stars * c.reviews) AS stars,
    SUM(c.stars * c.stars * c.reviews) AS squares,
    SUM(CASE WHEN c.verified THEN c.reviews ELSE 0 END) AS verified"""
    months = _with_partial(warehouse, filters, "gold/year_months", "year", "month", more=sums)
    return months.filter(pc.invert(months["partial"])).drop_columns("partial")


@query("gold/review_counts")
def by_category(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per main category, most reviews first.

    `shrunk_stars` is the mean with ten more reviews that give the mean of all filtered reviews.
    `negative_share` is the share of the rated reviews, with its interval. `excess_negative` are
    the negative reviews less those that the share of all filtered reviews would give; see
    `with_excess`.
    """
    inner = _sql(warehouse, "review_counts", {"main_category": "c.main_category"}, filters)
    shrunk = (
        f"(COALESCE(mean_stars * rated, 0) + {PRIOR_REVIEWS} * prior) / (rated + {PRIOR_REVIEWS})"
    )
    categories = rows(
        warehouse,
        f"SELECT main_category, reviews, rated, mean_stars, {shrunk} AS shrunk_stars, positive, "
        "neutral, negative, negative / NULLIF(rated, 0) AS negative_share, "
        f"{share_columns('negative', 'rated')} FROM ("
        "SELECT t.*, SUM(mean_stars * rated) OVER () / NULLIF(SUM(rated) OVER (), 0) AS prior "
        f"FROM ({inner[0]}) AS t) AS u ORDER BY reviews DESC, main_category",
        inner[1],
    )
    return with_excess(categories)


@query("gold/review_counts")
def compared_categories(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """The rows of `by_category` with an excess: none if only one category has rated reviews."""
    categories = by_category(warehouse, filters)
    return categories.filter(pc.is_valid(categories["excess_negative"]))


@query("gold/length_counts")
def by_length(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per band of length in words and sentiment of the stars (or unrated).

    `mean_words` and `mean_characters` are of a review, `mean_word_length` in characters.
    """
    means = """,
    SUM(c.words) / SUM(c.reviews) AS mean_words,
    SUM(c.characters) / SUM(c.reviews) AS mean_characters,
    SUM(c.letters) / NULLIF(SUM(c.words), 0) AS mean_word_length"""
    bands = {"length_from": "c.length_from", "length_to": "c.length_to", "sentiment": _SENTIMENT}
    return _measured(warehouse, "length_counts", bands, filters, means)


@query("gold/price_counts")
def by_price(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per band of price in US dollars, and kind of price: listed, imputed or none."""
    bands = {name: f"c.{name}" for name in ("price_from", "price_to", "price_imputed")}
    return _measured(warehouse, "price_counts", bands, filters)


@query("gold/seasons")
def seasons(warehouse: Warehouse) -> pa.Table:
    """One row per month of the year, with its seasonal index over all reviews."""
    return mart(warehouse, "gold/seasons", "m.month", ("m.month IS NOT NULL", ()))


@query("gold/credibility")
def credibility(warehouse: Warehouse, filters: Filters) -> pa.Table:
    """One row per main category with an interval, and one for all; filtered by category."""
    condition, parameters = filters.where("m", CATEGORY)
    known = f"({condition} OR m.main_category = '{ALL_CATEGORIES}') AND m.low IS NOT NULL"
    return mart(warehouse, "gold/credibility", "m.difference DESC", (known, parameters))


@query("gold/review_origins")
def origins(warehouse: Warehouse) -> pa.Table:
    """One row per source profile, marketplace and language, most reviews first."""
    order = "m.reviews DESC, m.profile, m.marketplace, m.language"
    table = mart(warehouse, "gold/review_origins", order)
    for number, name in enumerate(table.column_names):
        if name in ("profile", "marketplace", "language"):
            table = table.set_column(number, name, pc.fill_null(table[name], UNKNOWN))
    return table


@query("gold/review_origins")
def by_language(warehouse: Warehouse) -> pa.Table:
    """One row per language, most reviews first; no row if no review has a language."""
    return _by_origin(warehouse, "language")


@query("gold/review_origins")
def by_marketplace(warehouse: Warehouse) -> pa.Table:
    """One row per marketplace, most reviews first; no row if no review has a marketplace."""
    return _by_origin(warehouse, "marketplace")


def _by_origin(warehouse: Warehouse, column: str) -> pa.Table:
    relation = warehouse.relation("gold/review_origins")
    return rows(
        warehouse,
        f"SELECT COALESCE(m.{column}, '{UNKNOWN}') AS {column}, SUM(m.reviews) AS reviews, "
        "SUM(m.rated) AS rated, "
        "SUM(m.mean_stars * m.rated) / NULLIF(SUM(m.rated), 0) AS mean_stars, "
        "SUM(m.negative) / NULLIF(SUM(m.rated), 0) AS negative_share "
        f"FROM {relation} AS m WHERE EXISTS "
        f"(SELECT 1 FROM {relation} AS g WHERE g.{column} IS NOT NULL) "
        "GROUP BY 1 ORDER BY 2 DESC, 1",
    )


def _with_partial(
    warehouse: Warehouse, filters: Filters, periods: str, *keys: str, more: str = ""
) -> pa.Table:
    """Return the measures of periods by `keys`, with `partial` of the mart of the same rows.

    A year of which the filter leaves out months is partial too.
    """
    dimensions = {key: f"c.{key}" for key in keys}
    sql, parameters = _sql(warehouse, "review_counts", dimensions, filters, more, _DATED)
    partial = "COALESCE(p.partial, FALSE)"
    if filters.months and "month" not in keys:
        partial += " OR t.year * 12 + 1 < ? OR t.year * 12 + 12 > ?"
        parameters = (*(month.number for month in filters.months), *parameters)
    same = " AND ".join(f"p.{key} = t.{key}" for key in keys)
    return rows(
        warehouse,
        f"SELECT t.*, {partial} AS partial FROM ({sql}) AS t "
        f"LEFT JOIN {warehouse.relation(periods)} AS p ON {same} "
        f"ORDER BY {', '.join(f't.{key}' for key in keys)}",
        parameters,
    )


def _measured(
    warehouse: Warehouse,
    cube: str,
    dimensions: dict[str, str],
    filters: Filters,
    more: str = "",
    where: str = "TRUE",
) -> pa.Table:
    """Return the cube's measures by dimensions, in their order; no row if no review is left."""
    sql, parameters = _sql(warehouse, cube, dimensions, filters, more, where)
    order = ", ".join(map(str, range(1, len(dimensions) + 1)))
    return rows(warehouse, f"{sql} ORDER BY {order}" if order else sql, parameters)


def _sql(
    warehouse: Warehouse,
    cube: str,
    dimensions: dict[str, str],
    filters: Filters,
    more: str = "",
    where: str = "TRUE",
) -> tuple[str, tuple[object, ...]]:
    condition, parameters = filters.where("c")
    columns = "".join(f"{sql} AS {name}, " for name, sql in dimensions.items())
    groups = ", ".join(map(str, range(1, len(dimensions) + 1)))
    grouped = f" GROUP BY {groups}" if groups else ""
    return (
        f"SELECT {columns}{_MEASURES}{more} FROM {warehouse.relation(f'gold/{cube}')} AS c "
        f"WHERE {condition} AND {where}{grouped} HAVING SUM(c.reviews) > 0",
        parameters,
    )
